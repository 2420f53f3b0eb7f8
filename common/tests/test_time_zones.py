"""The first instant of a local date, on every kind of day there is."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from common.time_zones import first_instant


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", "2026-03-08", "2026-03-08T00:00:00"),
        ("Pacific/Auckland", "2026-01-15", "2026-01-14T11:00:00"),
        ("America/Los_Angeles", "2026-01-15", "2026-01-15T08:00:00"),
        ("Asia/Kathmandu", "2026-01-15", "2026-01-14T18:15:00"),
        ("Pacific/Kiritimati", "2026-01-15", "2026-01-14T10:00:00"),
        # No midnight: the day begins at 01:00.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00"),
        # Midnight twice: the day begins at the first.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00"),
        # The clock goes back over midnight: 24:00 becomes 23:00, and the day begins once that hour is over.
        ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00"),
        # Half an hour.
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00"),
    ],
)
def test_a_day_begins_where_its_date_does(zone: str, day: str, expected: str) -> None:
    assert first_instant(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(expected + "+00:00")


def test_a_day_that_was_skipped_begins_where_the_next_does() -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 29 to 31 December 2011

    assert first_instant(date(2011, 12, 30), apia) == first_instant(date(2011, 12, 31), apia)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Los_Angeles", "2026-03-08", 23),
        ("America/Los_Angeles", "2026-11-01", 25),
        ("Pacific/Auckland", "2026-09-27", 23),
        ("Pacific/Auckland", "2026-04-05", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Europe/Vienna", "2026-05-01", 24),
    ],
)
def test_a_day_is_as_long_as_the_zone_says(zone: str, day: str, hours: float) -> None:
    today = date.fromisoformat(day)

    length = first_instant(today + timedelta(days=1), ZoneInfo(zone)) - first_instant(today, ZoneInfo(zone))

    assert length == timedelta(hours=hours)


def test_in_every_zone_every_other_day_of_a_year_begins_at_the_first_second_of_its_date() -> None:
    for name in sorted(zoneinfo.available_timezones()):
        zone = ZoneInfo(name)
        for offset in range(0, 366, 2):
            day = date(2026, 1, 1) + timedelta(days=offset)
            start = first_instant(day, zone)
            just_before = (start - timedelta(seconds=1)).astimezone(zone).date()
            assert just_before < day <= start.astimezone(zone).date(), (name, day)
            assert start.tzinfo is UTC
