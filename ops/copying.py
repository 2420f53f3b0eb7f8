"""All rows of an SQLite database into an empty PostgreSQL one, and the proof that they have arrived."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from search.models import Document, IndexPosition

SOURCE, TARGET = "source", DEFAULT_DB_ALIAS
AT_ONCE = 1000
DERIVED: tuple[type[models.Model], ...] = (Document, IndexPosition)  # `manage.py reindex` makes them from the rest


def open_source(file: Path) -> None:
    """Make an SQLite file the database `source`."""
    url = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": {"timeout": 30}}
    configured = connections.configure_settings({DEFAULT_DB_ALIAS: {}, SOURCE: url})
    connections.settings[SOURCE] = configured[SOURCE]


def copied_models() -> list[type[models.Model]]:
    """Return the models in the order of their keys: what is referred to comes first.

    The circle of chat and message is closed by PostgreSQL, which looks at keys when the transaction ends.
    """
    left = [
        model for model in apps.get_models(include_auto_created=True) if model._meta.managed and model not in DERIVED
    ]
    ordered = list[type[models.Model]]()
    while left:
        free = next((each for each in left if not _referred(each) & set(left) - {each}), left[0])
        left.remove(free)
        ordered.append(free)
    return ordered


def _referred(model: type[models.Model]) -> set[Any]:
    return {field.related_model for field in model._meta.concrete_fields if field.related_model}


def copy_rows(model: type[models.Model]) -> int:
    """Copy a table as it is: no default, no `auto_now`, no signal; return how many rows."""
    fields, count = list(model._meta.concrete_fields), 0
    rows = model._base_manager.using(SOURCE).order_by("pk").iterator(AT_ONCE)
    for batch in _batches(rows):
        model._base_manager.using(TARGET)._insert(batch, fields=fields, using=TARGET, raw=True)  # type: ignore[attr-defined]
        count += len(batch)
    return count


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    batch = list[Any]()
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def empty_target() -> None:
    """Delete what `migrate` has put there: types and permissions of its own numbering."""
    tables = [model._meta.db_table for model in [*copied_models(), *DERIVED]]
    with connection.cursor() as cursor:
        for statement in connection.ops.sql_flush(no_style(), tables, reset_sequences=True):
            cursor.execute(statement)


def reset_sequences() -> None:
    """Have numbers go on after those that were copied."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), copied_models()):
            cursor.execute(statement)


def fingerprint(model: type[models.Model], database: str) -> tuple[int, int]:
    """Return how many rows a table has, and a sum over the hashes of all their values, in whatever order they come."""
    names, count, total = [field.attname for field in model._meta.concrete_fields], 0, 0
    for row in model._base_manager.using(database).values_list(*names).iterator(AT_ONCE):
        text = json.dumps(row, default=str, sort_keys=True)
        total = (total + int.from_bytes(hashlib.sha256(text.encode()).digest())) % 2**256
        count += 1
    return count, total
