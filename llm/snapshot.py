"""The rows of providers and models, as this process has read them last: nobody who asks for a model reads one.

A server reads them before it takes requests, after each change of its own, and looks every moment whether another
process has changed them. A command that runs no server knows what the environment says, until it calls `refresh_rows`.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.executor import database
from llm.models import CatalogVersion, Model, ModelGroup, Provider

LOOK_SECONDS = 1.5  # what is changed holds everywhere within 2 s


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the database said; the instances are never changed."""

    version: UUID | None = None
    providers: tuple[Provider, ...] = ()
    models: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)  # by the name of their provider, in order
    groups: Mapping[int, frozenset[int]] = field(default_factory=dict)  # of a model's key; absent: everybody's


NO_ROWS = Rows()
_rows = NO_ROWS
_reading = threading.Lock()


def rows() -> Rows:
    return _rows


def refresh_rows() -> None:
    """Read the rows if they have changed since; one statement where they have not. Synchronous."""
    global _rows
    with _reading:  # so that who has read earlier does not put it over what was read later
        version = CatalogVersion.current()
        if version != _rows.version or _rows is NO_ROWS:
            _rows = _read(version)


async def look() -> None:
    """Do so on a thread of the database's."""
    await database().read(refresh_rows)


def _read(version: UUID | None) -> Rows:
    """Read all rows; they are at least as new as the version that was read before them."""
    models, groups = dict[str, list[Model]](), dict[int, set[int]]()
    for model in Model.objects.select_related("provider"):
        models.setdefault(model.provider.name, []).append(model)
    for model_key, group in ModelGroup.objects.values_list("model_id", "group_id"):
        groups.setdefault(model_key, set()).add(group)
    return Rows(
        version,
        tuple(Provider.objects.all()),
        {name: tuple(listed) for name, listed in models.items()},
        {model_key: frozenset(members) for model_key, members in groups.items()},
    )


def refresh_server(**_: Any) -> None:
    """Read what this process itself has changed; a command that has never read any rows does not need to."""
    if _rows is not NO_ROWS:
        refresh_rows()
