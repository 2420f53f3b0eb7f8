"""Write what others make of docs/openapi.yaml, TypeScript types and a Postman collection: `make types`."""

import subprocess
import sys
from pathlib import Path

from tests.clients.install import HERE, find_node

DOCS = HERE.parent.parent / "docs"


def types(target: Path) -> list[str]:
    """Return the call of openapi-typescript that writes the types."""
    program = HERE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    return [str(find_node()), str(program), str(DOCS / "openapi.yaml"), "--output", str(target)]


def collection(target: Path) -> list[str]:
    """Return the call that writes the Postman collection (format 2.1)."""
    return [str(find_node()), str(HERE / "collection.mjs"), str(DOCS / "openapi.yaml"), str(target)]


MADE = {"openapi.d.ts": types, "postman.json": collection}

if __name__ == "__main__":
    failed = [name for name, command in MADE.items() if subprocess.run(command(DOCS / name)).returncode]
    sys.exit(f"not written: {failed}" if failed else 0)
