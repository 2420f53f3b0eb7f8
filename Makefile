# The two commands a newcomer needs: `make run` and `make test`.
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check lint types fake-provider migrate clean

run: .venv/run .env
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py serve --port $(PORT)

test: .venv/dev
	@$(BIN)/python -m tests

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	ENV_FILE= SECRET_KEY=check $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.deploy_check

fake-provider: .venv/dev
	@$(BIN)/python -m llm.testing --port 9001

.env: | .venv/run
	@$(BIN)/python -m config.first_env

.venv/run: requirements.txt
	@test -d .venv || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt
	@test -d .venv || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/run

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache
