"""The TypeScript types in docs/openapi.d.ts are those of the OpenAPI document."""

import subprocess
from pathlib import Path

from tests.clients.make_types import DOCS, command


def test_the_types_are_not_stale(node: str, tmp_path: Path) -> None:
    made = tmp_path / "openapi.d.ts"
    subprocess.run(command(made), check=True, capture_output=True, timeout=120)

    assert made.read_text() == (DOCS / "openapi.d.ts").read_text(), "docs/openapi.d.ts is stale: run `make types`"
