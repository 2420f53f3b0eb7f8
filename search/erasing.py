"""Getting the words of deleted documents out of an SQLite file.

FTS5 keeps them until it merges the segments that hold them, unless it was made to look for them at once, which SQLite
can since 3.42. Where it was not, all segments are merged into one, some pages at a time: others write in between. For a
large index that takes long, and a title changed is a deletion, too: hence a pause in proportion.
"""

import time
from dataclasses import dataclass

from django.db import connection
from django.db.models import F

from common.executor import database
from common.sql import run_all
from search.models import IndexPosition

PAGES = 200  # that one step writes
SOON, PAUSE = 5, 20  # seconds, and so many times as long as it took
_SECURE = "SELECT 1 FROM search_terms_config WHERE k = 'secure-delete' AND v = 1"


@dataclass(slots=True)
class _Last:
    seconds: float = 0.0


_last = _Last()


def seconds_to_next() -> float:
    return max(SOON, PAUSE * _last.seconds)


async def erase_deleted_terms() -> None:
    """Do what is left to be done, if anything is."""
    started = time.monotonic()
    await _erase()
    _last.seconds = time.monotonic() - started


async def _erase() -> None:
    deletions = await database().read(_to_erase)
    if deletions is None:
        return
    pages = -PAGES  # negative: take all segments, and from then on go on with these
    while await database().write(_merge, pages):
        pages = PAGES
    await database().write(_erased, deletions)


def _to_erase() -> int | None:
    """Return how many deletions there were, if words of some may still be there."""
    left = IndexPosition.objects.filter(deletions__gt=F("erased")).values_list("deletions", flat=True)
    return left.first()


def _merge(pages: int) -> bool:
    """Merge a little; return whether there was something to merge."""
    if run_all([(_SECURE, [])])[0]:
        return False
    before = _total_changes()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO search_terms (search_terms, rank) VALUES ('merge', %s)", [pages])
    return _total_changes() - before > 1  # the statement itself counts


def _total_changes() -> int:
    return int(run_all([("SELECT total_changes()", [])])[0][0][0])


def _erased(deletions: int) -> None:
    IndexPosition.objects.update(erased=deletions)
