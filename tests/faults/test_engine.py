"""Moments that no signal hits reliably, shown on the engine itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from chats.models import Chat, Chunk, Message, Role, State, Turn
from chats.rows import MessageRow
from chats.turns import engine as engine_module
from chats.turns.engine import Engine, end_expired
from chats.turns.limits import STOPPED
from chats.turns.reads import News, read_news
from chats.turns.reply_log import AT_A_TIME, ReplyLog
from chats.turns.requests import AcceptedTurn, TurnJob
from chats.turns.runner import RunningTurn
from chats.turns.writes import PendingChunks, flush, forget_keys
from common.ids import uuid7
from llm.catalog import resolve
from llm.client.types import Prompt
from usage.allowance import Charge
from usage.attempts import Account
from usage.limits import Asking


def _row(role: str = Role.ASSISTANT) -> MessageRow:
    return MessageRow(id=uuid7(), number=1, parent=None, role=role, state=State.STREAMING, created_at=timezone.now())


def begun() -> AcceptedTurn:
    charge = Charge(Account("reply", 1, None, 1, timezone.now().date()), Asking(1, None, "UTC"))
    job = TurnJob(1, 1, charge, resolve("demo"), Prompt("demo", "", ()), [])
    return AcceptedTurn(uuid7(), 1, _row(Role.USER), _row(), job)


@pytest.mark.asyncio
async def test_a_turn_that_is_cut_before_its_first_step_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelling a task that has not begun would skip all of it, the storing of the end included."""

    async def stored(turn: RunningTurn, outcome: Any) -> MessageRow:
        turn.reply.state = outcome.state
        return turn.reply

    monkeypatch.setattr(RunningTurn, "_store", stored)
    done: list[RunningTurn] = []
    turn = RunningTurn(begun())
    turn.task = asyncio.create_task(turn.run(done.append))
    turn.interrupt(STOPPED)
    await asyncio.wait_for(turn.task, 2)
    assert done == [turn]
    assert turn.log.end is not None
    assert turn.log.end.message.state == State.STOPPED


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_not_asked_for_each_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[PendingChunks]] = []

    def away(batch: list[PendingChunks]) -> None:
        asked.append(batch)
        raise OperationalError("away")

    def broken(batch: list[PendingChunks]) -> Any:
        asked.append(batch)
        if any(pending.turn_id == 2 for pending in batch):
            raise ValueError("NUL")
        return len(batch)

    class Database:
        async def flush(self, function: Any, batch: list[PendingChunks]) -> Any:
            return function(batch)

    monkeypatch.setattr(engine_module, "database", Database)
    engine, batch = Engine(asyncio.get_running_loop()), [PendingChunks(number, 1, uuid7(), []) for number in (1, 2, 3)]
    monkeypatch.setattr(engine_module, "flush", away)
    assert await engine._store(batch) == []
    assert asked == [batch]
    monkeypatch.setattr(engine_module, "flush", broken)
    assert await engine._store(batch) == [1, 1], "one reply that cannot be stored fails alone"


@pytest.fixture
def turn(db: None) -> Turn:
    user, now = User.objects.create_user(email=f"{uuid7()}@example.org", password=None), timezone.now()
    chat = Chat.objects.create(owner=user, created_at=now, updated_at=now)
    question = Message.objects.create(chat=chat, number=1, role=Role.USER, created_at=now)
    reply = Message.objects.create(
        chat=chat, number=2, role=Role.ASSISTANT, state=State.STREAMING, parent=question, created_at=now
    )
    return Turn.objects.create(
        chat=chat, number=1, user=user, question=question, reply=reply, key="key", started_at=now, lease_until=now
    )


def test_a_flush_whose_answer_was_lost_is_repeated(turn: Turn) -> None:
    """The commit went through, the connection broke before it was confirmed: the next flush brings it all again."""
    flush([PendingChunks(turn.pk, 1, turn.reply_id, [(0, "reasoning", "ab"), (2, "text", "cd")])])
    again = flush(
        [PendingChunks(turn.pk, 1, turn.reply_id, [(0, "reasoning", "ab"), (2, "text", "cdef"), (6, "reasoning", "g")])]
    )
    assert again.saved == {turn.pk}
    assert list(Chunk.objects.order_by("at").values_list("at", "kind", "text")) == [
        (0, "reasoning", "ab"), (2, "text", "cdef"), (6, "reasoning", "g"),
    ]  # fmt: skip


def test_news_of_a_reply_are_only_what_is_new(turn: Turn) -> None:
    flush([PendingChunks(turn.pk, 1, turn.reply_id, [(0, "text", "abc"), (3, "text", "def"), (6, "text", "ghi")])])
    reply = turn.reply_id
    found = {at: [chunk[0] for chunk in read_news({reply: at})[reply].chunks] for at in (0, 2, 3, 5, 7, 9, 20)}
    assert found == {0: [0, 3, 6], 2: [0, 3, 6], 3: [3, 6], 5: [3, 6], 7: [6], 9: [6], 20: [6]}
    assert read_news({reply: 0, uuid7(): 5})[reply].state == State.STREAMING
    Turn.objects.filter(pk=turn.pk).update(state=State.STOPPED)
    assert read_news({reply: 0})[reply] == News(State.STOPPED, 1)


def test_a_process_does_not_sweep_its_own_turns(turn: Turn) -> None:
    Turn.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(seconds=60))
    assert end_expired({(turn.pk, 1)}) == 0
    assert end_expired() == 1
    assert end_expired() == 0
    turn.refresh_from_db()
    assert (turn.state, turn.reason) == (State.INTERRUPTED, "process_lost")


def test_expired_keys_are_forgotten(turn: Turn) -> None:
    assert forget_keys() == 0
    Turn.objects.filter(pk=turn.pk).update(started_at=timezone.now() - timedelta(hours=25))
    assert forget_keys() == 1
    turn.refresh_from_db()
    assert turn.key is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM chats_turn WHERE key IS NOT NULL")
        assert cursor.fetchone()[0] == 0


def test_a_follower_is_handed_a_bounded_part_at_a_time() -> None:
    log = ReplyLog(uuid7(), uuid7(), uuid7(), 1)
    log.append("text", "a" * 50_000)
    log.append("reasoning", "b" * 3)
    log.append("text", "c" * 20_000)
    log.show()
    position, joined, most = 0, "", 0
    while deltas := log.after(position):
        assert [delta.at for delta in deltas] == sorted(delta.at for delta in deltas)
        assert deltas[0].at == position
        joined += "".join(delta.text for delta in deltas)
        most = max(most, sum(len(delta.text) for delta in deltas))
        position = deltas[-1].at + len(deltas[-1].text)
        assert deltas[-1].seq % 10**9 == position
    assert joined == "a" * 50_000 + "b" * 3 + "c" * 20_000
    assert most <= AT_A_TIME
