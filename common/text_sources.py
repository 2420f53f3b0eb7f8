"""What apps let people search of theirs: each registers a source, and tells of what it has written and deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.dispatch import Signal

# kwargs: kind, ids. Sent inside the transaction that wrote or deleted these texts, which holds their rows.
texts_changed = Signal()


@dataclass(frozen=True, slots=True)
class TextSource:
    """Texts of one kind, as rows with the keys `pk`, `owner_id`, `title`, `text` and `created_at`."""

    kind: str  # in lower case, one word
    rows: Callable[[], "QuerySet[Any, Any]"]
    page: str  # the name of the address that shows one, given its id


_registered: dict[str, TextSource] = {}


def register_text_source(source: TextSource) -> None:
    _registered[source.kind] = source


def text_sources() -> Mapping[str, TextSource]:
    return _registered
