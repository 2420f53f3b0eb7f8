"""A turn that waited goes on while its run before is still on its way out: neither may take the other for itself."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chats.rows import MessageRow
from chats.turns.engine import Engine
from chats.turns.limits import LOST
from chats.turns.requests import AcceptedTurn
from chats.turns.runner import RunningTurn
from tests.faults.test_engine import begun

pytestmark = pytest.mark.asyncio


def _again(accepted: AcceptedTurn) -> AcceptedTurn:
    assert accepted.job is not None
    return replace(accepted, job=replace(accepted.job, epoch=2))


async def test_the_end_of_the_run_before_leaves_the_next_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision is committed, and its run launched, before the loop hears that the wait has been stored."""
    stored, ends = dict[int, asyncio.Event](), dict[int, str]({1: "waiting", 2: "complete"})

    async def generate(turn: RunningTurn) -> Any:
        return None

    async def store(turn: RunningTurn, outcome: Any) -> MessageRow:
        await stored[turn.epoch].wait()
        return replace(turn.reply, state=ends[turn.epoch])

    monkeypatch.setattr(RunningTurn, "_generate", generate)
    monkeypatch.setattr(RunningTurn, "_store", store)
    stored.update({epoch: asyncio.Event() for epoch in ends})
    engine, first = Engine(asyncio.get_running_loop()), begun()
    reply = first.reply.id
    engine._launch(first)
    before = engine.log_of(reply)
    assert before is not None
    engine._publishers.subscribe(before, 0)
    await asyncio.sleep(0)
    engine._launch(_again(first))
    log = engine.log_of(reply)
    assert log is not before

    stored[1].set()
    await asyncio.sleep(0.05)

    assert before.retired
    assert engine.log_of(reply) is log, "the next run is still there"
    assert not engine._idle.is_set()
    engine._publishers.subscribe(log, 0)  # type: ignore[arg-type]
    assert engine._publishers._publishers[reply]._log is log
    stored[2].set()
    await asyncio.sleep(0.05)
    assert engine._turns == {}
    assert engine._publishers._publishers == {}
    assert engine._idle.is_set()
    await engine.close()


async def test_readers_of_a_run_whose_turn_runs_elsewhere_are_sent_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a wait was lost, and a decision came before it was tried again."""

    async def store(turn: RunningTurn, outcome: Any) -> MessageRow:
        return replace(turn.reply, state="streaming")

    monkeypatch.setattr(RunningTurn, "_store", store)
    done: list[RunningTurn] = []
    turn = RunningTurn(begun())
    turn.interrupt(LOST)
    await asyncio.wait_for(turn.run(done.append), 2)
    assert done == [turn]
    assert (turn.log.retired, turn.log.end) == (True, None)
