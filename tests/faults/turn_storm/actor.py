"""A thread that does at random to a few chats what can be done to turns, by the real functions.

Only runners are played: so they can die, come back, and write too late.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from accounts.access import Viewer, load_viewer
from chats.models import State, Turn
from chats.parts import PROVIDER_METADATA, SOURCE, TEXT, TOOL_CALL, TOOL_OUTPUT, WAITING, json_text
from chats.rows import ASIDE, MessageRow
from chats.services.chats import delete_chat
from chats.turns.accept import accept_turn
from chats.turns.approvals import Approval, _decide
from chats.turns.ends import Wait, finish, request_stop, wait
from chats.turns.engine import end_expired
from chats.turns.reads import News, find_reply, read_news, read_replies, read_reply
from chats.turns.replication.mirror import Mirror, _extend
from chats.turns.reply_log import ReplyLog
from chats.turns.requests import ContinueRequest, RegenerateRequest, SendRequest, TurnRequest
from chats.turns.settings import settings_of
from chats.turns.writes import flush
from common.errors import ParleyError
from common.retrying import retry_conflicts
from tests.faults.turn_storm.world import Run, World

ENDS = [State.COMPLETE, State.INTERRUPTED, State.FAILED]


class Actor:
    """One thread, with a generator of its own."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.viewers = {claims: load_viewer(claims) for claims in world.owners.values()}
        self.mirrors: dict[UUID, Mirror] = {}
        self.steps: list[tuple[int, Callable[[], None]]] = [
            (12, self.send), (30, self.flush), (20, self.wait), (6, self.finish), (30, self.decide), (4, self.stop),
            (2, self.delete), (2, self.expire), (4, self.vanish), (3, self.turn_zombie), (4, self.sweep),
            (12, self.read), (14, self.mirror), (4, self.world.look),
        ]  # fmt: skip

    def step(self) -> None:
        weights, actions = zip(*self.steps, strict=True)
        [action] = self.random.choices(actions, weights)
        name = action.__name__
        try:
            action()
            self.world.count[name] += 1
        except ParleyError as refusal:
            self.world.count[f"{name}: {refusal.code}"] += 1

    def chat(self) -> UUID:
        return self.random.choice(list(self.world.owners))

    def viewer_of(self, chat: UUID) -> Viewer:
        return self.viewers[self.world.owners[chat]]

    # --- requests ----------------------------------------------------------------------------------------------------
    def send(self) -> None:
        chat, key = self.chat(), str(uuid4()) if self.random.random() < 0.3 else ""
        request: TurnRequest = SendRequest(chat=chat, content="go", key=key, create=True, can_ask=True)
        newest = find_reply(chat)
        if newest and self.random.random() < 0.3:
            kind = self.random.choice([RegenerateRequest, ContinueRequest])
            request = kind(chat=chat, message=newest.reply, key=key, can_ask=True)
        elif self.world.keys and self.random.random() < 0.1:
            request, _ = self.random.choice(list(self.world.keys.values()))
        accepted = retry_conflicts(accept_turn, self.viewer_of(request.chat), request, "me")
        if accepted.job:
            self.world.launch(accepted)
            if request.key:
                self.world.keys[request.key] = (request, accepted.reply.id)
        elif self.world.keys[request.key][1] != accepted.reply.id:
            self.world.wrong.append(f"key {request.key} made two replies")

    def decide(self) -> None:
        waits = Turn.objects.filter(state=State.WAITING).values_list("chat_id", flat=True)
        chat = self.random.choice([*waits, self.chat()])
        found = read_reply(chat)
        if found is None:
            return
        calls = [each["id"] for each in found.waiting.calls] if found.waiting else []
        if self.random.random() < 0.2:  # some of them, or one that was decided on before
            known = [json.loads(text)["id"] for kind, text in found.message.parts if kind == TOOL_CALL]
            calls = self.random.sample(calls, len(calls) // 2) or known[-1:]
        if self.random.random() < 0.03:
            calls = [*calls, "made-up"]
        verdicts = [Approval(call, self.random.random() < 0.7, remember=self.random.random() < 0.1) for call in calls]
        if verdicts:
            retry_conflicts(_decide, self.world.owners[chat], chat, found.message.id, verdicts)

    def stop(self) -> None:
        retry_conflicts(request_stop, self.chat())

    def delete(self) -> None:
        chat = next(iter(self.world.owners))  # the others' stay, so that what they used can be added up
        delete_chat(self.viewer_of(chat).id, chat)

    # --- runs --------------------------------------------------------------------------------------------------------
    def _say(self, run: Run) -> None:
        what = f"{run.job.epoch}.{len(run.parts)} {uuid4().hex[:6]};"
        if self.random.random() < 0.2:
            output, state = (
                (ASIDE + run.length(), TOOL_OUTPUT, what),
                (2 * ASIDE + run.length(), PROVIDER_METADATA, "[]"),
            )
            run.aside = [*run.aside, output, state]
        is_text = self.random.random() < 0.6
        run.parts.append((TEXT, what) if is_text else (SOURCE, json_text({"url": what, "title": "🦊"})))
        run.tokens += 1

    def flush(self) -> None:
        runs = list({run.job.turn_id: run for run in self.world.take(4)}.values())  # as an engine: one run a turn
        if not runs:
            return
        for run in runs:
            self._say(run)
        upto = [len(run.parts) for run in runs]
        result = flush([run.pending() for run in runs])
        for run, saved in zip(runs, upto, strict=True):
            if run.job.turn_id in result.lost:
                run.lost = True
            elif run.job.turn_id in result.saved:
                self.world.see(run.reply, run.parts)
                run.saved, run.aside = saved, []
            if run.job.turn_id in result.stopped and self.random.random() < 0.5:
                self._end(run, State.STOPPED)
            elif not run.lost or self.random.random() < 0.7:
                self.world.runs.append(run)

    def wait(self) -> None:
        for run in self.world.take():
            self._say(run)
            ids = [uuid4().hex[:9] for _ in range(self.random.choice([1, 1, 2, 3]))]
            for id_ in ids:
                run.parts.append((TOOL_CALL, json_text({"id": id_, "name": "t", "input": {}, "state": WAITING})))
            resume = {
                "model": run.job.model.name, "settings": asdict(settings_of()), "begins": run.job.begins, "steps": 1,
                "seconds": 0.5,
            }  # fmt: skip
            outcome = run.outcome(State.WAITING)
            outcome.wait = Wait([(id_, "t") for id_ in ids], resume)
            row = retry_conflicts(wait, run.job.turn_id, run.job.epoch, outcome)
            self._was_ours(run, row)
            if row is not None:
                self.world.count["waits"] += 1
                self.world.see(run.reply, row.parts)
            elif self.random.random() < 0.5:
                self._end(run, State.STOPPED)
            if self.random.random() < 0.1:
                self.world.runs.append(run)  # and goes on all the same

    def finish(self) -> None:
        for run in self.world.take():
            self._end(run, self.random.choice(ENDS))
            if self.random.random() < 0.1:
                self.world.runs.append(run)

    def _end(self, run: Run, state: str) -> None:
        row = retry_conflicts(finish, run.job.turn_id, run.job.epoch, run.outcome(state))
        self._was_ours(run, row)
        if row is not None:
            self.world.end(run.reply, row.parts)

    def _was_ours(self, run: Run, row: MessageRow | None) -> None:
        if row is not None and run.lost:
            self.world.wrong.append(f"{run.reply} was lost, and then written all the same")
        run.lost = run.lost or row is not None  # what is refused a wait may have been asked to stop, and can end

    def vanish(self) -> None:
        for run in self.world.take():
            self._expire("AND id = %s AND epoch = %s", run.job.turn_id, run.job.epoch)

    def turn_zombie(self) -> None:
        for run in self.world.take():
            self._expire("AND id = %s AND epoch = %s", run.job.turn_id, run.job.epoch)
            self.world.runs.append(run)

    # --- time --------------------------------------------------------------------------------------------------------
    def expire(self) -> None:
        self._expire("AND state = 'waiting' AND chat_id = %s", self.chat())

    def _expire(self, condition: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE chats_turn SET lease_until = started_at WHERE state IN ('streaming', 'waiting') " + condition,
                values,
            )

    def sweep(self) -> None:
        self.world.count["swept"] += end_expired()

    # --- readers -----------------------------------------------------------------------------------------------------
    def read(self) -> None:
        found = read_reply(self.chat())
        if found is not None:
            self.world.see(found.message.id, found.message.parts)

    def mirror(self) -> None:
        """Follow as another process does: what is new of most, the whole of those that ended or went on."""
        found = read_reply(self.chat())
        if found and found.message.id not in self.mirrors and not found.message.reason:
            mirror = self.mirrors[found.message.id] = Mirror(
                ReplyLog(self.chat(), found.question, found.message.id, found.number), found
            )
            mirror.take(found)
        if not self.mirrors:
            return
        news = read_news({id_: mirror.log.length for id_, mirror in self.mirrors.items()})
        whole = [id_ for id_ in self.mirrors if not self._extended(id_, news.get(id_))]
        rows = read_replies(whole) if whole else {}
        for id_ in whole:
            if id_ in rows:
                self.mirrors[id_].take(rows[id_])
            else:
                del self.mirrors[id_]
        for id_, mirror in list(self.mirrors.items()):
            self.world.see(id_, mirror.log.parts())
            if mirror.log.end:
                if mirror.log.end.at != mirror.log.length or mirror.log.end.message.parts != mirror.log.parts():
                    self.world.wrong.append(f"the mirror of {id_} is not what its end says")
                del self.mirrors[id_]
                self.world.count["mirrored"] += 1

    def _extended(self, id_: UUID, news: News | None) -> bool:
        return news is not None and _extend(self.mirrors[id_], news)
