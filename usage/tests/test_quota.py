"""Quotas hold under any parallelism, give back what brought no text, and know the user's days."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.models import Profile, User
from chats.tests.helpers import at_once, begin, ended, eventually, is_refusal
from common.sql import run_all
from conftest import Person
from llm.testing import FakeProvider
from usage.counters import count_on_day, day_bounds, of_user, settlement
from usage.models import Counter
from usage.refusals import QuotaExceeded, require_daily_messages

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"


def used(person: Person) -> int:
    """Return how many messages are counted for a person."""
    return sum(Counter.objects.of_user(person.id).values_list("messages", flat=True))


def test_parallel_messages_never_get_past_the_quota(alice: Person, settings) -> None:
    settings.DAILY_MESSAGES = 5
    chats = [alice.chat() for _ in range(15)]

    statuses = [answer.status_code for answer in at_once([lambda chat=chat: alice.say(chat, "Hi") for chat in chats])]

    assert sorted(statuses) == [201] * 5 + [429] * 10
    assert used(alice) == 5


def test_all_doors_count_together(alice: Person, settings) -> None:
    settings.DAILY_MESSAGES = 4
    chat = alice.chat()
    reply = alice.say(chat, "one").json()["reply"]["id"]
    question = alice.messages(chat)[0]["id"]
    seed = {"chat_id": str(uuid.uuid4()), "content": "x"}

    statuses = [
        alice.post(path, body).status_code
        for path, body in [
            ("/prompt_gpt/", seed),
            (f"/api/chats/{chat}/messages/{reply}/regenerate/", {}),
            (f"/api/chats/{chat}/messages/{question}/edit/", {"content": "two"}),
            (f"/api/chats/{chat}/messages/{reply}/continue/", {}),
            ("/prompt_gemini/", seed),
        ]
    ]

    assert statuses == [201, 201, 201, 429, 429]


def test_a_refusal_names_the_first_instant_of_the_next_local_day(alice: Person, settings) -> None:
    settings.DAILY_MESSAGES = 1
    Profile.objects.filter(user_id=alice.id).update(timezone=AUCKLAND)
    chat = alice.chat()
    alice.say(chat, "one")

    refused = alice.say(chat, "two")

    _, _, reset = day_bounds(timezone.now(), ZoneInfo(AUCKLAND))
    assert is_refusal(refused, 429)
    assert refused.json()["code"] == "quota_exceeded"
    assert datetime.fromisoformat(refused.json()["reset_at"]) == reset
    left = (reset - timezone.now()).total_seconds()
    assert left <= int(refused.headers["Retry-After"]) <= left + 60
    assert len(alice.messages(chat)) == 2


@pytest.mark.parametrize("fault", [{"status": 400}, {"empty": True}, {"cut_after": 0}, {"block": "SAFETY"}])
def test_a_message_without_a_reply_is_given_back(alice: Person, fake: FakeProvider, settings, fault: dict) -> None:
    settings.DAILY_MESSAGES = 1
    chat = alice.chat(model="gemini")
    fake.script(**fault)
    assert alice.say(chat, "lost").status_code >= 400

    assert used(alice) == 0
    assert alice.say(chat, "again").status_code == 201
    assert used(alice) == 1


def test_a_partial_reply_is_kept_and_counted(alice: Person, fake: FakeProvider) -> None:
    fake.script(chunks=["some", "more"], cut_after=1)

    alice.say(alice.chat(), "half")

    assert used(alice) == 1


def test_a_running_reply_counts_until_it_is_given_back(alice: Person, fake: FakeProvider, settings) -> None:
    settings.DAILY_MESSAGES = 1
    chat = alice.chat()
    fake.script(stall_after=0)
    begin(alice, chat, "slow")

    assert alice.say(alice.chat(), "too early").status_code == 429
    alice.post(f"/api/chats/{chat}/stop/")
    assert ended(alice, chat)["content"] == ""
    assert alice.say(alice.chat(), "now").status_code == 201


def test_a_deleted_chat_keeps_its_count(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "one")

    alice.http.delete(f"/api/chats/{chat}/")

    assert used(alice) == 1


def test_what_is_refused_costs_nothing(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "x", model="nobody/knows")
    alice.say(chat, "")
    alice.say(str(uuid.uuid4()), "x")

    assert used(alice) == 0


def test_a_repeated_key_is_charged_once(alice: Person) -> None:
    chat = alice.chat()
    for _ in range(3):
        alice.post(f"/api/chats/{chat}/messages/", {"content": "x"}, headers={"Idempotency-Key": "k"})

    assert used(alice) == 1


def test_tokens_are_counted_and_limited(alice: Person, settings) -> None:
    chat = alice.chat()
    tokens = alice.say(chat, "x").json()["reply"]["tokens"]
    day = eventually(lambda: Counter.objects.of_user(alice.id).filter(tokens__gt=0).first())
    assert day is not None
    assert day.tokens == tokens["prompt"] + tokens["completion"]

    settings.DAILY_TOKENS = day.tokens

    assert alice.say(chat, "y").status_code == 429


def test_without_a_quota_nothing_is_refused_but_all_is_counted(alice: Person, bob: Person) -> None:
    chat = alice.chat()
    for _ in range(3):
        assert alice.say(chat, "x").status_code == 201

    assert (used(alice), used(bob)) == (3, 0)


# --- days: the functions alone, on a clock that stands still ---------------------------------------------------------
def charge(user_id: int, zone: str, now: datetime) -> int:
    """Count a message as the accepting transaction does; return the id of its day."""
    with transaction.atomic():
        counted = count_on_day(of_user(user_id, zone), now)
        require_daily_messages(of_user(user_id, zone), counted, now)
    return int(counted[0])


@pytest.fixture
def user(db) -> User:
    return User.objects.create(email=f"{uuid.uuid4().hex}@example.org")


@pytest.fixture
def spend(user: User, settings) -> Callable[..., bool]:
    """Return a function that charges one message at a local time and tells whether it was accepted."""
    settings.DAILY_MESSAGES = 1

    def charged(zone: str, text: str) -> bool:
        now = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        with time_machine.travel(now, tick=False):
            try:
                charge(user.pk, zone, now)
            except QuotaExceeded:
                return False
            return True

    return charged


@pytest.mark.parametrize("zone", ["UTC", AUCKLAND, LOS_ANGELES])
def test_the_quota_is_renewed_at_local_midnight(spend, zone: str) -> None:
    assert spend(zone, "2026-05-20 00:00:00")
    assert not spend(zone, "2026-05-20 23:59:59")
    assert spend(zone, "2026-05-21 00:00:00")
    assert not spend(zone, "2026-05-21 23:59:59")


@pytest.mark.parametrize(
    ("zone", "day", "following"),
    [
        (LOS_ANGELES, "2026-03-08", "2026-03-09"),
        (LOS_ANGELES, "2026-11-01", "2026-11-02"),
        (AUCKLAND, "2026-04-05", "2026-04-06"),
    ],
)
def test_a_day_of_23_or_25_hours_has_one_quota(spend, zone: str, day: str, following: str) -> None:
    assert spend(zone, f"{day} 00:00:00")
    assert not spend(zone, f"{day} 23:59:59")
    assert spend(zone, f"{following} 00:00:00")


def test_a_day_without_midnight_begins_at_one(spend) -> None:
    assert spend("Africa/Cairo", "2026-04-23 12:00:00")
    assert not spend("Africa/Cairo", "2026-04-23 23:59:59")
    assert spend("Africa/Cairo", "2026-04-24 01:00:00")


def test_a_change_of_zone_takes_effect_with_the_next_window(spend) -> None:
    assert spend(LOS_ANGELES, "2026-05-20 12:00:00")  # the window ends at 07:00 UTC on the 21st

    assert not spend(AUCKLAND, "2026-05-21 18:59:59")  # 06:59:59 UTC; it is the 21st in Auckland since 12:00 UTC
    assert spend(AUCKLAND, "2026-05-21 19:00:00")
    assert not spend(AUCKLAND, "2026-05-21 23:59:59")
    assert spend(AUCKLAND, "2026-05-22 00:00:00")


def test_travelling_back_over_the_date_line_gives_no_second_quota(spend) -> None:
    assert spend(AUCKLAND, "2026-05-20 23:00:00")  # 11:00 UTC, still 04:00 of the 20th in Los Angeles

    assert not spend(LOS_ANGELES, "2026-05-20 05:00:00")  # Auckland's 21st has accepted, but here it is the 20th again
    assert not spend(LOS_ANGELES, "2026-05-20 23:59:59")
    assert spend(LOS_ANGELES, "2026-05-21 00:00:00")


def test_changing_zones_back_and_forth_yields_one_quota_a_date(user: User, settings) -> None:
    settings.DAILY_MESSAGES = 1
    zones = [AUCKLAND, LOS_ANGELES, "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]
    now, accepted = datetime(2026, 5, 1, tzinfo=UTC), 0

    for hour in range(20 * 24):
        try:
            charge(user.pk, zones[hour % len(zones)], now + timedelta(hours=hour))
            accepted += 1
        except QuotaExceeded:
            pass

    # Twenty days touch at most 22 local dates over all zones of the world.
    assert accepted <= 22
    assert Counter.objects.of_user(user.pk).count() == accepted


def test_a_refund_goes_to_the_day_of_the_charge(user: User) -> None:
    before, after = (datetime(2026, 5, day, tzinfo=UTC) for day in (20, 21))
    charged = charge(user.pk, "UTC", before)
    charge(user.pk, "UTC", after)

    run_all([settlement(charged, 7, 0, refund=True)])

    days = Counter.objects.of_user(user.pk).order_by("day").values_list("messages", "tokens")
    assert list(days) == [(0, 7), (1, 0)]


def test_a_clock_that_goes_back_opens_no_second_day(user: User, settings) -> None:
    settings.DAILY_MESSAGES = 1
    charge(user.pk, "UTC", datetime(2026, 5, 21, 0, 0, 1, tzinfo=UTC))

    with pytest.raises(QuotaExceeded):
        charge(user.pk, "UTC", datetime(2026, 5, 20, 23, 59, 59, tzinfo=UTC))
