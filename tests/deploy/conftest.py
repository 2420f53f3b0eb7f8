"""The recipes of docs/operations.md are tried on real processes, those of the fault suite."""

import pytest

from tests.faults.conftest import cluster, migrated_file, on_sqlite, provider, sqlite_url

__all__ = ["cluster", "migrated_file", "on_sqlite", "provider", "sqlite_url"]


@pytest.fixture(autouse=True)
def _once(on_sqlite: None) -> None:
    """Run with the suite on SQLite; what needs PostgreSQL here names a database itself."""
