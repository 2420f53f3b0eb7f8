"""Writers that come a moment too late, shown one statement after the other."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from chats.models import Chat, Message, Role, State, ToolCall, Turn
from chats.parts import DECISION, DENIED, TOOL_CALL, TOOL_RESULT, WAITING, Part, json_text
from chats.rows import MessageRow
from chats.turns.ends import (
    Outcome,
    Wait,
    end_expired_turn,
    end_waiting,
    expired_turns,
    finish,
    request_stop,
    wait,
)  # fmt: skip
from chats.turns.writes import PendingChunks, flush, resume_turn
from common.ids import uuid7
from usage.allowance import Charge
from usage.attempts import Account, AttemptRow
from usage.counters import count_on_day, of_user
from usage.limits import Asking
from usage.models import Counter

ASKS: Part = (TOOL_CALL, json_text({"id": "a", "name": "send_mail", "input": {}, "state": WAITING}))


@pytest.fixture
def turn(db: None) -> Turn:
    """Return a turn that runs, its lease not yet expired."""
    user, now = User.objects.create_user(email=f"{uuid7()}@example.org", password=None), timezone.now()
    chat = Chat.objects.create(owner=user, created_at=now, updated_at=now)
    question = Message.objects.create(chat=chat, number=1, role=Role.USER, created_at=now)
    reply = Message.objects.create(
        chat=chat, number=2, role=Role.ASSISTANT, state=State.STREAMING, parent=question, created_at=now
    )
    return Turn.objects.create(
        chat=chat, number=1, user=user, question=question, reply=reply, started_at=now,
        lease_until=now + timedelta(seconds=60), usage_day=count_on_day(of_user(user.pk, "UTC"), now)[0],
    )  # fmt: skip


def expire(turn: Turn) -> None:
    Turn.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def renewal(turn: Turn) -> Any:
    return flush([PendingChunks(turn.pk, turn.epoch, turn.reply_id, [])])


def charge(turn: Turn) -> Charge:
    account = Account("reply", turn.user_id, None, turn.usage_day or 0, turn.started_at.date())
    return Charge(account, Asking(turn.user_id, None, "UTC"))


def call(prompt: int, completion: int) -> AttemptRow:
    return AttemptRow("openai", "gpt", 1.0, 2.0, 3.0, tokens_in=prompt, tokens_out=completion)


def asked(turn: Turn) -> MessageRow | None:
    """Have the turn wait for a call's approval."""
    outcome = Outcome(
        State.WAITING, "", [("text", "I write. "), ASKS], prompt_tokens=3, completion_tokens=4, charge=charge(turn),
        calls=[call(3, 4)],
    )  # fmt: skip
    outcome.wait = Wait([("a", "send_mail")], {})
    return wait(turn.pk, turn.epoch, outcome)


def state_of(turn: Turn) -> tuple[str, str]:
    turn.refresh_from_db()
    assert Message.objects.get(pk=turn.reply_id).state == turn.state
    return turn.state, turn.reason


def test_the_sweep_spares_a_turn_that_was_renewed_since_it_looked(turn: Turn) -> None:
    expire(turn)
    [found] = expired_turns()
    assert renewal(turn).saved == {turn.pk}

    assert end_expired_turn(*found) is None

    assert state_of(turn) == (State.STREAMING, "")
    expire(turn)
    assert end_expired_turn(*found) is not None
    assert state_of(turn) == (State.INTERRUPTED, "process_lost")


def test_the_sweep_spares_a_wait_that_was_prolonged_since_it_looked(turn: Turn) -> None:
    assert asked(turn)
    expire(turn)
    [found] = expired_turns()
    Turn.objects.filter(pk=turn.pk).update(lease_until=timezone.now() + timedelta(hours=1))

    assert end_expired_turn(*found) is None

    assert state_of(turn) == (State.WAITING, "")
    expire(turn)
    assert end_expired_turn(*found) is not None
    assert state_of(turn) == (State.INTERRUPTED, "approval_expired")


def test_the_sweep_spares_a_turn_that_went_on_or_came_to_wait_since_it_looked(turn: Turn) -> None:
    expire(turn)
    [running] = expired_turns()
    assert asked(turn)
    assert end_expired_turn(*running) is None
    expire(turn)
    [waiting] = expired_turns()
    Turn.objects.filter(pk=turn.pk).update(lease_until=timezone.now() + timedelta(hours=1))
    assert resume_turn(turn.pk, turn.epoch, "other", turn.usage_day or 0) == 2
    expire(turn)
    assert end_expired_turn(*waiting) is None
    assert end_expired_turn(*running) is None
    assert state_of(turn) == (State.STREAMING, "")


def test_what_was_asked_to_stop_does_not_wait(turn: Turn) -> None:
    assert request_stop(turn.chat_id)
    assert asked(turn) is None
    assert state_of(turn) == (State.STREAMING, "")
    assert not ToolCall.objects.exists()


def test_nobody_goes_on_with_what_has_waited_too_long(turn: Turn) -> None:
    assert asked(turn)
    expire(turn)
    assert resume_turn(turn.pk, turn.epoch, "me", turn.usage_day or 0) is None


def test_a_run_that_was_taken_over_writes_nothing_more(turn: Turn) -> None:
    assert asked(turn)
    assert resume_turn(turn.pk, turn.epoch, "other", turn.usage_day or 0) == 2
    late = PendingChunks(turn.pk, 1, turn.reply_id, [(9, "text", "late")])
    outcome = Outcome(State.COMPLETE, "stop", [("text", "late")])

    assert flush([late]).lost == {turn.pk}
    assert finish(turn.pk, 1, outcome) is None
    assert asked(turn) is None

    assert state_of(turn) == (State.STREAMING, "")
    assert finish(turn.pk, 2, Outcome(State.COMPLETE, "stop", [("text", "I write. "), ASKS]))


def test_what_waits_ends_with_its_calls_denied_and_locks_no_usage(turn: Turn) -> None:
    """Whoever supersedes it has messages to write yet, and usage comes last in the lock order."""
    assert asked(turn)
    with CaptureQueriesContext(connection) as queries:
        row = end_waiting(turn.pk, turn.epoch, State.STOPPED, "superseded")

    assert row is not None
    assert [kind for kind, _ in row.parts] == ["text", TOOL_CALL, TOOL_RESULT]
    assert f'"state":"{DENIED}"' in row.parts[-1][1]
    assert list(ToolCall.objects.values_list("approved", flat=True)) == [None], "nobody has decided"
    assert not any("UPDATE usage_counter" in query["sql"] for query in queries)
    assert Counter.objects.values_list("messages", "tokens").get() == (1, 7)


def test_tokens_are_booked_once_over_a_wait_and_its_loss(turn: Turn) -> None:
    assert asked(turn)
    assert resume_turn(turn.pk, turn.epoch, "other", turn.usage_day or 0) == 2
    decision = json_text({"calls": [{"id": "a", "approved": True}]})
    length = len("I write. ") + len(ASKS[1])
    assert flush([PendingChunks(turn.pk, 2, turn.reply_id, [(length, DECISION, decision)])]).saved
    expire(turn)
    [found] = expired_turns()
    row = end_expired_turn(*found)
    assert row is not None
    assert [kind for kind, _ in row.parts] == ["text", TOOL_CALL, DECISION]
    assert (row.prompt_tokens, row.completion_tokens) == (3, 4)
    assert Counter.objects.values_list("messages", "tokens").get() == (1, 7)
