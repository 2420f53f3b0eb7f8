"""A running reply in memory: its deltas, and those who wait for the next one.

There is no queue per follower: each pulls from here at its own pace, so a slow reader costs nothing but its place.
"""

import asyncio
from bisect import bisect_left, bisect_right
from uuid import UUID

import orjson

from chats.parts import TOOL_CALL, Part, is_text, joined, runs
from chats.rows import MessageRow
from chats.turns.events import END_OFFSET, TURN_STEP, Delta, End, ToolInput, Waiting

# Characters that a follower is handed at a time: a slow reader holds no more of them than this.
AT_A_TIME = 16_384
# Stored text is kept in pieces of about this size.
BLOCK = 4_096
INPUT_CHARS = 20_000  # of a call's arguments that are shown while they are written


class ReplyLog:
    """The text of one reply as deltas. Used on one event loop only."""

    def __init__(self, chat_id: UUID, question_id: UUID, reply_id: UUID, number: int) -> None:
        self.chat_id, self.question_id, self.reply_id = chat_id, question_id, reply_id
        self.base = number * TURN_STEP
        self.length = 0  # of all text known here
        self.shown = 0  # how far followers may read
        self.end: End | None = None
        self.deleted = False  # deleted while it ran
        self.retired = False  # a mirror that is no longer kept up to date
        self.retry_after: float | None = None  # the provider's hint, where it was too busy
        self.waiting: Waiting | None = None  # what it waits for somebody to decide
        self.inputs: dict[str, ToolInput] = {}  # arguments of calls that are still being written
        self._deltas: list[Delta] = []
        self._starts: list[int] = []
        self._waiting: list[asyncio.Future[bool]] = []

    def append(self, kind: str, text: str) -> None:
        """Add text that arrived; followers see it once `show` is called."""
        at = self.length
        self.length = at + len(text)
        self._starts.append(at)
        self._deltas.append(Delta(self.base + self.length, at, kind, text))
        if self.inputs and kind == TOOL_CALL:  # its arguments are whole
            self.inputs.pop(orjson.loads(text)["id"], None)

    @property
    def last_kind(self) -> str:
        """What kind of part came last."""
        return self._deltas[-1].kind if self._deltas else ""

    def show(self) -> None:
        """Let followers read everything that has arrived."""
        self.shown = self.length
        self._wake(True)

    def grow_input(self, call: str, name: str, text: str, at: int | None = None) -> None:
        """Show more of a call's arguments, up to a bound: they are kept only until the call is whole."""
        known = self.inputs.get(call)
        before = known.text if known else ""
        if (at is None or at == len(before)) and len(before) < INPUT_CHARS:
            self.inputs[call] = ToolInput(call, name, before + text)
            self._wake(True)

    def new_input(self, told: dict[str, int]) -> list[ToolInput]:
        """Return what a follower, `told` so many characters of each, has not seen of arguments; note it as told."""
        found = []
        for each in self.inputs.values():
            at = told.get(each.call, 0)
            if len(each.text) > at:
                told[each.call] = len(each.text)
                found.append(ToolInput(each.call, each.name, each.text[at:], at))
        return found

    def finish(self, message: MessageRow) -> None:
        """Record the end as it was committed."""
        message.retry_after = self.retry_after
        self.end = End(self.base + END_OFFSET, message.length, message)
        self.show()

    def mark_deleted(self) -> None:
        """Record that the reply was deleted: nothing more is shown, and there is no end to tell."""
        self.deleted = True
        self._wake(True)

    def retire(self) -> None:
        """Record that nothing feeds this log any more; who still follows looks for another."""
        self.retired = True
        self._wake(True)

    def after(self, position: int) -> list[Delta]:
        """Return what may be shown from `position` on, a bounded part of it, neighbours of one kind joined."""
        if position >= self.shown:
            return []
        stop = min(self.shown, position + AT_A_TIME)
        found = self._deltas[bisect_right(self._starts, position) - 1 : bisect_left(self._starts, stop)]
        if len(found) == 1 and found[0].at == position and position + len(found[0].text) <= stop:
            return found  # as it came, so that all who read at its pace share its encoded form
        return self._joined(found, position, stop)

    def _joined(self, deltas: list[Delta], start: int, stop: int) -> list[Delta]:
        found, at = [], start
        for first, last, kind in runs(delta.kind for delta in deltas):
            if is_text(kind):
                cut = [delta.text[max(0, start - delta.at) : stop - delta.at] for delta in deltas[first:last]]
                text = "".join(cut)
                found.append(Delta(self.base + at + len(text), at, kind, text))
            else:  # whole, although the reader may be in the midst of it
                found.append(deltas[first])
            at = found[-1].at + len(found[-1].text)
        return found

    def parts(self, start: int = 0, stop: int | None = None) -> list[Part]:
        """Return the text between two delta boundaries, one part for each change of kind."""
        stop = self.length if stop is None else stop
        chosen = self._deltas[bisect_right(self._starts, start - 1) : bisect_right(self._starts, stop - 1)]
        return joined([(delta.kind, delta.text) for delta in chosen])

    def compact(self, start: int, stop: int) -> None:
        """Join the deltas of a stored stretch with what is before it: an object for each block, not for each token."""
        first, last = bisect_right(self._starts, start - 1), bisect_right(self._starts, stop - 1)
        if first and len(self._deltas[first - 1].text) < BLOCK:
            first, start = first - 1, self._starts[first - 1]
        if last - first > 1:
            joined = self._joined(self._deltas[first:last], start, stop)
            self._deltas[first:last] = joined
            self._starts[first:last] = [delta.at for delta in joined]

    async def wait(self) -> bool:
        """Wait for text or the end; False when woken by `wake` alone."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    @property
    def followed(self) -> bool:
        return bool(self._waiting)

    def wake(self) -> None:
        """Wake the followers although nothing has come, so that they send a keep-alive."""
        self._wake(False)

    def _wake(self, news: bool) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(news)
