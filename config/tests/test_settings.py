"""Settings: documented, refused by name where they are wrong, secrets also from files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import env

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "settings.md"
MINIMAL = {"ENV_FILE": "", "SECRET_KEY": "x" * 60, "PATH": os.environ["PATH"]}


def load(code: str = "", **values: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own."""
    program = f"import config.settings as s; {code}"
    environment = {name: value for name, value in {**MINIMAL, **values}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", sorted(env.NAMES))
def test_every_setting_is_documented(name: str) -> None:
    text = DOCUMENT.read_text()

    if name.endswith("_FILE") and name.removesuffix("_FILE") in env.NAMES:
        name = name.removesuffix("_FILE")  # the document says once that each secret may come from a file
    assert f"`{name}`" in text


def test_nothing_is_documented_that_is_not_read() -> None:
    """The first cell of each row of the tables is a setting's name."""
    rows = [line.split("|")[1].strip() for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]

    documented = {name.strip("` ") for row in rows for name in row.split(",")}

    assert documented - env.NAMES - {f"{name}_FILE" for name in env.NAMES} == set()
    assert documented


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("CONTEXT_TURNS", "five"),
        ("CONTEXT_TURNS", "-1"),
        ("CONTEXT_TURNS", "1001"),
        ("FLUSH_SECONDS", "0"),
        ("FLUSH_SECONDS", "nan"),
        ("FLUSH_SECONDS", "inf"),
        ("DATABASE_URL", "mysql://x/y"),
        ("DATABASE_URL", "nonsense"),
        ("OPENAI_BASE_URL", "ftp://example.org"),
        ("GEMINI_BASE_URL", "example.org"),
        ("SITE_URL", "javascript:alert(1)"),
        ("CORS_ALLOWED_ORIGINS", "http://a.example, nonsense"),
        ("CORS_ALLOWED_ORIGINS", "http://a.example/page"),
        ("EMAIL_URL", "carrier-pigeon://x"),
        ("MODERATION", "sometimes"),
        ("LOG_LEVEL", "LOUD"),
        ("MODEL_ALIASES", "a"),
        ("WEB_CONCURRENCY", "0"),
        ("SECRET_KEY", " "),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    answer = load(**{name: value})

    assert answer.returncode != 0
    assert f"ImproperlyConfigured: {name}: " in answer.stderr.splitlines()[-1]


def test_an_address_that_is_refused_is_not_repeated_with_its_password() -> None:
    answer = load(DATABASE_URL="postgres://user:hunter2@[broken/name")

    assert answer.returncode != 0
    assert "hunter2" not in answer.stderr.splitlines()[-1]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-from-a-file\n")

    answer = load("print(s.OPENAI_API_KEY)", OPENAI_API_KEY_FILE=str(file))

    assert answer.stdout == "sk-from-a-file\n"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("CONTEXT_TURNS=7\nSYSTEM_PROMPT=From the file\n")

    answer = load("print(s.CONTEXT_TURNS, s.SYSTEM_PROMPT)", ENV_FILE=str(file), CONTEXT_TURNS="3")

    assert answer.stdout == "3 From the file\n"


def test_origins_may_have_schemes_of_their_own() -> None:
    listed = "https://App.example/, capacitor://localhost,tauri://localhost"
    answer = load("print(*s.CORS_ALLOWED_ORIGINS)", CORS_ALLOWED_ORIGINS=listed)

    assert answer.stdout == "https://app.example capacitor://localhost tauri://localhost\n"


def test_an_empty_value_is_the_default() -> None:
    assert load("print(s.CONTEXT_TURNS)", CONTEXT_TURNS="").stdout == "5\n"
    assert load("print(s.SECRET_KEY)", SECRET_KEY="").returncode != 0


def test_without_any_key_the_settings_load() -> None:
    answer = load("print(s.MODERATION, repr(s.OPENAI_API_KEY), repr(s.GEMINI_API_KEY))")

    assert answer.stdout == "off '' ''\n"


def test_a_real_openai_key_turns_moderation_on() -> None:
    assert load("print(s.MODERATION)", OPENAI_API_KEY="sk-x").stdout == "on\n"
    assert load("print(s.MODERATION)", OPENAI_API_KEY="sk-x", OPENAI_BASE_URL="http://a.example").stdout == "off\n"
