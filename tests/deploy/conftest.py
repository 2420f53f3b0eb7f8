"""The recipes of docs/operations.md are tried on real processes, those of the fault suite."""

from tests.faults.conftest import cluster, migrated_file, on_sqlite, provider, services, sqlite_url

__all__ = ["cluster", "migrated_file", "on_sqlite", "provider", "services", "sqlite_url"]
