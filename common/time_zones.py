"""Time zones: their names and their days."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the installed zones; finding them reads hundreds of files."""
    return frozenset(available_timezones())


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the UTC instant at which a local date begins, also where its midnight does not exist.

    A wall time inside a gap is read with the offset before it (`fold=0`), which lands after the jump; the date then
    began at the jump itself, found by bisection.
    """
    start = datetime.combine(day, time.min, zone).astimezone(UTC)
    before = start - timedelta(hours=26)
    if _date(start - timedelta(microseconds=1), zone) < day <= _date(start, zone):
        return start
    while start - before > timedelta(seconds=1):
        middle = before + (start - before) / 2
        before, start = (before, middle) if _date(middle, zone) >= day else (middle, start)
    return start.replace(microsecond=0)


def _date(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()
