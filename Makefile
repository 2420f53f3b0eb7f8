# The two commands a newcomer needs: `make run` and `make test`.
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
# On another port the links in mails follow, unless SITE_URL says otherwise.
SITE = $(if $(filter-out 8000,$(PORT)),SITE_URL=$${SITE_URL:-http://localhost:$(PORT)})

.PHONY: bench bench-full bench-quick screenshots run test test-next faults check lint openapi types fake-provider migrate clean

run: .venv/run .env
	@$(SITE) $(BIN)/python manage.py serve --migrate --port $(PORT)

test: .venv/dev
	@echo "Installing what the tests of clients need ..."
	@$(BIN)/python tests/clients/install.py || true
	@$(BIN)/python -m tests

# The suite on the next Django; requirements-next.txt says which.
test-next: .venv/dev
	@$(BIN)/python -m tests.next_django

faults: .venv/dev
	@FAULTS=long $(BIN)/python -m tests tests/faults

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --check --quiet
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/shellcheck deploy/restart deploy/upgrade
	$(BIN)/lint-imports
	$(BIN)/mypy .
	ENV_FILE= SECRET_KEY=check $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.deploy_check
	ENV_FILE= SECRET_KEY=check $(BIN)/python manage.py spectacular | diff -q - docs/openapi.yaml

# The address book of the API: the document, and what is made of it, TypeScript types and a Postman collection.
openapi: .venv/dev
	ENV_FILE= SECRET_KEY=check $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

types: openapi
	@$(BIN)/python tests/clients/install.py
	@$(BIN)/python -m tests.clients.make_types

screenshots: .venv/dev
	@$(BIN)/python -m tests.browser.screenshots

# Figures (docs/performance.md): the guard in a minute, the table in ten, the long list.
bench-quick: .venv/dev
	@$(BIN)/python -m benchmarks.quick

bench: .venv/dev
	@$(BIN)/python -m benchmarks

bench-full: .venv/dev
	@$(BIN)/python -m benchmarks --full

fake-provider: .venv/dev
	@$(BIN)/python -m llm.testing --port 9001

.env: | .venv/run
	@$(BIN)/python -m config.first_env

# uv installs in seconds what takes pip a minute; where it cannot be had, or reach what pip reaches, pip does it.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
define install
@test -d .venv || { echo "Making the environment .venv ..."; $(PYTHON) -m venv .venv; }
@$(BIN)/python -m uv --version >/dev/null 2>&1 || { echo "Fetching uv, which installs the rest ..."; $(PIP) uv || true; }
@echo "Installing $(1) ..."
@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python -r $(1) || { echo "uv cannot; pip does it ..."; $(PIP) -r $(1); }
endef

.venv/run: requirements.txt
	$(call install,requirements.txt)
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $@ .venv/run

clean:
	rm -rf .venv .venv-next var .mypy_cache .ruff_cache .pytest_cache
