"""History in days of the user's zone, midnight to midnight, computed at each request."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import Profile, User
from chats.history import Bucket, bucket_edges
from chats.models import Chat

pytestmark = pytest.mark.django_db
AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
DOORS = ("todays_chat", "yesterdays_chat", "seven_days_chat")


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    """Return the UTC instant of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.fixture
def user() -> User:
    return User.objects.create(email=f"{uuid.uuid4().hex}@example.org")


@pytest.fixture
def live_in(user: User) -> Callable[[str], None]:
    def move(zone: str) -> None:
        Profile.objects.filter(user=user).update(timezone=zone)

    return move


def make(user: User, created_at: datetime, title: str = "x", **values: Any) -> Chat:
    values.setdefault("updated_at", created_at)
    return Chat.objects.create(owner=user, title=title, created_at=created_at, **values)


def get(user: User, now: datetime, path: str) -> Any:
    """Ask a door at an instant."""
    api = APIClient()
    api.force_authenticate(User.objects.select_related("profile").get(pk=user.pk))
    with time_machine.travel(now, tick=False):
        return api.get(path)


def shown(user: User, now: datetime, query: str = "") -> dict[str, list[str]]:
    """Return the titles at the three seed addresses at an instant."""
    return {door: [chat["title"] for chat in get(user, now, f"/{door}/{query}").json()] for door in DOORS}


def where(user: User, now: datetime) -> dict[str, str]:
    """Return the door at which each chat is shown."""
    return {title: door for door, titles in shown(user, now).items() for title in titles}


def test_a_chat_of_the_last_second_is_yesterdays_a_second_after_midnight(user: User) -> None:
    make(user, at("2026-05-10 23:59:59"))

    assert shown(user, at("2026-05-10 23:59:59"))["todays_chat"] == ["x"]
    assert shown(user, at("2026-05-11 00:00:01")) == {
        "todays_chat": [],
        "yesterdays_chat": ["x"],
        "seven_days_chat": [],
    }


@pytest.mark.parametrize("zone", ["UTC", AUCKLAND, LOS_ANGELES, "Asia/Kathmandu", "Pacific/Kiritimati"])
@pytest.mark.parametrize("made_at", ["00:00:00", "23:59:59.999999"])
@pytest.mark.parametrize("asked_at", ["00:00:00", "23:59:59"])
def test_seven_days_are_the_days_from_seven_to_two_days_ago(
    user: User, live_in, zone: str, made_at: str, asked_at: str
) -> None:
    live_in(zone)
    for days in (1, 2, 7, 8):
        make(user, at(f"2026-05-{20 - days} {made_at}", zone), f"D-{days}")

    assert where(user, at(f"2026-05-20 {asked_at}", zone)) == {
        "D-1": "yesterdays_chat",
        "D-2": "seven_days_chat",
        "D-7": "seven_days_chat",
    }


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LOS_ANGELES, "2026-03-08", 23),
        (LOS_ANGELES, "2026-11-01", 25),
        (AUCKLAND, "2026-09-27", 23),
        (AUCKLAND, "2026-04-05", 25),
        ("Africa/Cairo", "2026-04-24", 23),  # has no midnight
        ("America/Havana", "2026-11-01", 25),  # has two
    ],
)
def test_today_is_as_long_as_the_day(zone: str, day: str, hours: int) -> None:
    now = at(f"{day} 12:00:00", zone)

    start, end = bucket_edges(Bucket.TODAY, now, ZoneInfo(zone))

    assert end - start == timedelta(hours=hours)
    assert start <= now < end


@pytest.mark.parametrize("zone", [AUCKLAND, LOS_ANGELES, "Africa/Cairo", "America/Havana", "Australia/Lord_Howe"])
def test_the_buckets_leave_no_gap_and_do_not_overlap(zone: str) -> None:
    for hours in range(0, 366 * 24, 7):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        edges = [bucket_edges(bucket, now, ZoneInfo(zone)) for bucket in reversed(Bucket)]

        assert edges[0][0] < edges[0][1] == edges[1][0] < edges[1][1] == edges[2][0] <= now < edges[2][1]


def test_the_hour_that_comes_twice_belongs_to_its_day_both_times(user: User, live_in) -> None:
    live_in(LOS_ANGELES)
    for fold in (0, 1):
        make(user, at("2026-11-01 01:30:00", LOS_ANGELES, fold), f"fold {fold}")

    assert shown(user, at("2026-11-01 23:59:59", LOS_ANGELES))["todays_chat"] == ["fold 1", "fold 0"]
    assert shown(user, at("2026-11-02 00:00:01", LOS_ANGELES))["yesterdays_chat"] == ["fold 1", "fold 0"]


def test_it_is_tomorrow_in_auckland_while_it_is_today_in_los_angeles(user: User, live_in) -> None:
    made = at("2026-05-20 12:30:00")  # 00:30 on the 21st in Auckland, 05:30 on the 20th in Los Angeles
    make(user, made)

    live_in(AUCKLAND)
    assert where(user, at("2026-05-21 12:30:00"))["x"] == "yesterdays_chat"  # the 22nd there
    live_in(LOS_ANGELES)
    assert where(user, at("2026-05-21 06:59:59"))["x"] == "todays_chat"
    assert where(user, at("2026-05-21 07:00:00"))["x"] == "yesterdays_chat"


def test_a_zone_in_the_query_wins(user: User, live_in) -> None:
    live_in(LOS_ANGELES)
    make(user, at("2026-05-20 11:59:59"))  # the 20th in both
    now = at("2026-05-20 12:00:01")  # the 21st in Auckland

    assert shown(user, now)["todays_chat"] == ["x"]
    assert shown(user, now, f"?tz={AUCKLAND}")["yesterdays_chat"] == ["x"]
    history = get(user, now, f"/api/chats/history/?tz={AUCKLAND}").json()
    assert [chat["title"] for chat in history["yesterday"]] == ["x"]


@pytest.mark.parametrize("path", [*(f"/{door}/" for door in DOORS), "/api/chats/history/"])
@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "utc+1", "%00", "é", "x" * 5000])
def test_what_is_no_zone_is_refused(user: User, path: str, zone: str) -> None:
    answer = get(user, at("2026-05-20 12:00:00"), f"{path}?tz={zone}")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["tz"]


@pytest.mark.parametrize("door", DOORS)
def test_of_eleven_chats_the_ten_newest_are_shown(user: User, door: str) -> None:
    day = {"todays_chat": 20, "yesterdays_chat": 19, "seven_days_chat": 15}[door]
    for minute in range(11):
        make(user, at(f"2026-05-{day} 10:{minute:02}:00"), f"{minute}")

    answer = get(user, at("2026-05-20 12:00:00"), f"/{door}/")

    assert [chat["title"] for chat in answer.json()] == [f"{minute}" for minute in range(10, 0, -1)]
    assert set(answer.json()[0]) == {"id", "title", "created_at"}
    assert answer.json()[0]["created_at"] == f"2026-05-{day}T10:10:00Z"


def test_the_seed_addresses_go_by_creation_and_the_history_by_last_activity(user: User) -> None:
    make(user, at("2026-05-01 10:00:00"), "old but busy", updated_at=at("2026-05-20 10:00:00"))
    make(user, at("2026-05-19 10:00:00"), "yesterday")
    make(user, at("2026-05-13 00:00:00"), "a week")
    make(user, at("2026-05-12 23:59:59"), "older")
    make(user, at("2026-05-20 09:00:00"), "put away", folder="archived")
    now = at("2026-05-20 12:00:00")

    history = get(user, now, "/api/chats/history/").json()

    assert {name: [chat["title"] for chat in chats] for name, chats in history.items()} == {
        "today": ["old but busy"],
        "yesterday": ["yesterday"],
        "seven_days": ["a week"],
        "older": ["older"],
    }
    assert shown(user, now)["todays_chat"] == ["put away"]


def test_a_history_bucket_has_fifty_chats_at_most_the_newest_first(user: User) -> None:
    Chat.objects.bulk_create(
        Chat(owner=user, title=f"{minute}", created_at=NOON, updated_at=NOON + timedelta(minutes=minute))
        for minute in range(55)
    )

    today = get(user, at("2026-05-20 23:00:00"), "/api/chats/history/").json()["today"]

    assert [chat["title"] for chat in today] == [f"{minute}" for minute in range(54, 4, -1)]


NOON = at("2026-05-20 12:00:00")


def test_a_chat_from_a_clock_ahead_is_not_lost_from_the_history(user: User) -> None:
    make(user, at("2026-05-23 10:00:00"), "from the future")

    history = get(user, NOON, "/api/chats/history/").json()

    assert [chat["title"] for chat in history["today"]] == ["from the future"]


def test_nobody_sees_anothers_buckets(user: User) -> None:
    stranger = User.objects.create(email="stranger@example.org")
    for day in (20, 19, 15, 1):
        make(user, at(f"2026-05-{day:02} 10:00:00"))

    assert where(stranger, NOON) == {}
    assert not any(get(stranger, NOON, "/api/chats/history/").json().values())
