"""Who finishes what, seen from the rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chats.models import State, Turn
from chats.tests.helpers import begin, ended
from common.ids import uuid7
from conftest import Person
from streamchat.leases import are_due, renew, take_over
from streamchat.models import Channel, Reply

ELSEWHERE = "elsewhere"


@pytest.fixture
def channel(live: str, alice: Person) -> Channel:
    Reply.objects.update(finished_at=timezone.now())
    return Channel.objects.create(
        cid=f"messaging:{uuid7().hex}", chat=alice.chat(), owner_id=alice.id, created_at=timezone.now()
    )


def owed(channel: Channel, **values: Any) -> Reply:
    """Make a row whose process has been gone for a minute."""
    past = timezone.now() - timedelta(minutes=1)
    given = {"asker": "ada", "command": "gpt", "lease_owner": ELSEWHERE, "lease_until": past, "created_at": past}
    return Reply.objects.create(channel=channel, **{**given, **values})


def test_a_reply_that_lost_its_process_is_taken_once(channel: Channel) -> None:
    row = owed(channel)

    assert are_due()
    (due,) = take_over("here")
    assert (due.row_id, due.cid, due.chat, due.note) == (row.pk, channel.cid, None, "")
    assert take_over("there") == []
    assert not are_due()
    row.refresh_from_db()
    assert (row.lease_owner, row.attempts) == ("here", 2)


def test_what_is_renewed_or_finished_is_left_alone(channel: Channel) -> None:
    renew([owed(channel).pk])
    owed(channel, finished_at=timezone.now())

    assert not are_due()
    assert take_over("here") == []


def test_a_turn_that_the_row_never_heard_of_is_found_by_its_key(channel: Channel, alice: Person) -> None:
    row = owed(channel)
    reply = begin(alice, str(channel.chat), "hello")
    Turn.objects.filter(reply_id=reply["id"]).update(key=row.key)
    ended(alice, str(channel.chat))

    (due,) = take_over("here")
    assert str(due.reply) == reply["id"]


def test_a_blocked_turn_that_the_row_never_heard_of_is_a_note(channel: Channel, alice: Person) -> None:
    row = owed(channel)
    reply = begin(alice, str(channel.chat), "hello")
    ended(alice, str(channel.chat))
    Turn.objects.filter(reply_id=reply["id"]).update(key=row.key, state=State.BLOCKED)

    (due,) = take_over("here")
    assert (due.reply, due.note) == (None, "This message was blocked by a content filter.")


def test_what_was_to_be_noted_is_noted(channel: Channel) -> None:
    owed(channel, note="The quota is used up.", is_posted=True)

    (due,) = take_over("here")
    assert (due.note, due.is_posted) == ("The quota is used up.", True)


def test_what_is_an_hour_old_is_given_up(channel: Channel) -> None:
    row = owed(channel, created_at=timezone.now() - timedelta(hours=2))

    assert take_over("here") == []
    row.refresh_from_db()
    assert row.outcome == "given_up"
    assert row.finished_at is not None
