"""What a channel is owed, seen from the rows: by whoever runs the task, first or after a killed process."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chats.models import State, Turn
from chats.tests.helpers import begin, ended
from common.ids import uuid7
from conftest import Person
from streamchat.models import Channel, Reply
from streamchat.reply_poster import Due
from streamchat.tasks import find_due


@pytest.fixture
def channel(live: str, alice: Person) -> Channel:
    Reply.objects.update(finished_at=timezone.now())
    return Channel.objects.create(
        cid=f"messaging:{uuid7().hex}", chat=alice.chat(), owner_id=alice.id, created_at=timezone.now()
    )


def owed(channel: Channel, **values: Any) -> Reply:
    """Make a row whose command was accepted a minute ago."""
    given = {"asker": "ada", "command": "gpt", "created_at": timezone.now() - timedelta(minutes=1)}
    return Reply.objects.create(channel=channel, **{**given, **values})


def due(row: Reply) -> Due:
    found = find_due(row.pk)
    assert found is not None
    return found


def test_a_command_whose_turn_was_never_recorded_has_no_reply(channel: Channel) -> None:
    row = owed(channel)

    assert (due(row).row_id, due(row).cid, due(row).chat, due(row).note) == (row.pk, channel.cid, None, "")


def test_what_is_finished_is_left_alone(channel: Channel) -> None:
    assert find_due(owed(channel, finished_at=timezone.now()).pk) is None


def test_a_turn_that_the_row_never_heard_of_is_found_by_its_key(channel: Channel, alice: Person) -> None:
    row = owed(channel)
    reply = begin(alice, str(channel.chat), "hello")
    Turn.objects.filter(reply_id=reply["id"]).update(key=row.key)
    ended(alice, str(channel.chat))

    assert str(due(row).reply) == reply["id"]


def test_a_blocked_turn_that_the_row_never_heard_of_is_a_note(channel: Channel, alice: Person) -> None:
    row = owed(channel)
    reply = begin(alice, str(channel.chat), "hello")
    ended(alice, str(channel.chat))
    Turn.objects.filter(reply_id=reply["id"]).update(key=row.key, state=State.BLOCKED)

    assert (due(row).reply, due(row).note) == (None, "This message was blocked by a content filter.")


def test_what_was_to_be_noted_is_noted(channel: Channel) -> None:
    row = owed(channel, note="The quota is used up.", is_posted=True)

    assert (due(row).note, due(row).is_posted) == ("The quota is used up.", True)


def test_what_is_an_hour_old_is_given_up(channel: Channel) -> None:
    row = owed(channel, created_at=timezone.now() - timedelta(hours=2))

    assert find_due(row.pk) is None
    row.refresh_from_db()
    assert row.outcome == "given_up"
    assert row.finished_at is not None
