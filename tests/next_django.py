"""`make test-next`: the suite on SQLite, on Python 3.12 or later and the Django of requirements-next.txt.

Left out by name where no such Python is to be had.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-next"
# What does not depend on Django: whole browsers, Node clients, crashes.
ASIDE = ("tests/browser", "tests/clients", "tests/faults", "tests/deploy")


def python() -> str | None:
    """Return a Python that the next Django runs on, or None."""
    for name in (os.environ.get("NEXT_PYTHON", ""), "python3.12", "python3.13", "python3"):
        found = shutil.which(name) if name else None
        code = "import sys; sys.exit(sys.version_info < (3, 12))"
        if found and subprocess.run([found, "-c", code], capture_output=True).returncode == 0:
            return found
    return None


def install(interpreter: str) -> None:
    """Make the environment; only uv can put one version in the place of a pinned one."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--allow-existing", "--python", interpreter, FOLDER], check=True)
    named = ("-r", "requirements-dev.txt", "--override", "requirements-next.txt")
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", FOLDER, *named], cwd=ROOT, check=True)


def main() -> int:
    interpreter = python()
    if interpreter is None:
        sys.stdout.write("LEFT OUT: the suite on the next Django (no Python 3.12 or later; NEXT_PYTHON names one)\n")
        return 0
    sys.stdout.write(f"The suite on {interpreter} and the next Django: about ten minutes on two free cores.\n")
    sys.stdout.flush()
    install(interpreter)
    command = [FOLDER / "bin/python", "-m", "pytest", *(f"--ignore={folder}" for folder in ASIDE), *sys.argv[1:]]
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
