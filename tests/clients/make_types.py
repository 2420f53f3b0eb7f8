"""Write docs/openapi.d.ts, the TypeScript types of the API: `make types`."""

import subprocess
import sys
from pathlib import Path

from tests.clients.install import HERE, find_node

DOCS = HERE.parent.parent / "docs"


def command(target: Path) -> list[str]:
    """Return the call of openapi-typescript that writes the types."""
    program = HERE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    return [str(find_node()), str(program), str(DOCS / "openapi.yaml"), "--output", str(target)]


if __name__ == "__main__":
    sys.exit(subprocess.run(command(DOCS / "openapi.d.ts")).returncode)
