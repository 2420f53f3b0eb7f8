"""The environment file of docs/operations.md."""

import subprocess
from pathlib import Path

from dotenv import dotenv_values

from tests.deploy.recipes import recipe, replaced


def sourced(file: Path) -> dict[str, str]:
    """Return what a shell makes of the file: exactly as the page says, then `env`."""
    reading = replaced(recipe("sh", "set -a;").splitlines()[0], {"/etc/parley.env": str(file)})
    shown = subprocess.run(["sh", "-euc", f"{reading}; env"], env={}, check=True, capture_output=True, text=True).stdout
    return {line.partition("=")[0]: line.partition("=")[2] for line in shown.splitlines()}


def of_systemd(text: str) -> dict[str, str]:
    """Return what systemd makes of it: whole-line comments only, quotes around a whole value taken off."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", ";"))]
    values = {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    return {name: value[1:-1] if value[:1] == value[-1:] == '"' else value for name, value in values.items()}


def test_shell_systemd_and_parley_read_the_environment_file_alike(tmp_path: Path) -> None:
    text = recipe("sh", "SECRET_KEY_FILE=")
    file = tmp_path / "parley.env"
    file.write_text(text)
    shell, parley = sourced(file), dotenv_values(file, interpolate=False)
    wanted = of_systemd(text)

    assert wanted["DEFAULT_FROM_EMAIL"] == "Parley <chat@example.org>"
    assert {name: shell[name] for name in wanted} == wanted
    assert {name: parley[name] for name in wanted} == wanted
