"""A reader that keeps the rules and checks that the server does: cut to `at`, then append; ids rise; one end."""

import asyncio
import json
import random
import time
from typing import Any

import aiohttp

STEP = 10**9
END = STEP - 1
GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)


class Reader:
    """What one reader has been shown of one reply, over however many connections."""

    def __init__(self, token: str, chat: str, reply: str = "", strict: bool = True) -> None:
        self.token, self.chat, self.reply = token, chat, reply
        self.strict = strict  # nothing crashes: then nothing may ever be withdrawn
        self.text = ""
        self.last_id: int | None = None
        self.end: dict[str, Any] | None = None
        self.keep_alives = 0
        self.connections = 0
        self.growth: list[tuple[float, int]] = []  # (when, length from then on)
        self.withdrawn_after: float | None = None  # how long the oldest withdrawn character had been shown
        self.status = 0

    # --- the rule ----------------------------------------------------------------------------------------------------
    def take(self, event: str, id_: int | None, data: Any) -> None:
        """Take one event as a client does, and check what the server owes to it."""
        assert self.end is None, f"{event} after the end"
        if event == "start":
            assert id_ is None
            self.reply = self.reply or data["reply"]
            assert data["reply"] == self.reply
            return
        assert id_ is not None, f"{event} without an id"
        assert self.last_id is None or id_ > self.last_id, f"id {id_} after {self.last_id}"
        self.last_id = id_
        self._take_delta(id_, data) if event == "delta" else self._take_end(event, id_, data)

    def _take_delta(self, id_: int, data: Any) -> None:
        at, text = data["at"], data["text"]
        assert text, "an empty delta"
        assert at <= len(self.text), f"gap: {len(self.text)} characters known, the next at {at}"
        assert not self.strict or at == len(self.text), f"repeat: {len(self.text)} characters known, the next at {at}"
        assert id_ % STEP == at + len(text), "an id is the offset after its text"
        self._cut(at)
        self.text += text
        self.growth.append((time.monotonic(), len(self.text)))

    def _take_end(self, event: str, id_: int, data: Any) -> None:
        assert event == "end", event
        assert id_ % STEP == END
        assert not self.strict or data["at"] == len(self.text), "the end withdrew something"
        assert data["at"] <= len(self.text), f"the end is at {data['at']}, only {len(self.text)} characters came"
        self._cut(data["at"])
        self.end = data["message"]
        assert self.text == self.end["reasoning"] + self.end["content"], "shown is not what the end says"

    def _cut(self, at: int) -> None:
        if at < len(self.text):
            shown_at = next(when for when, length in self.growth if length > at)
            self.withdrawn_after = time.monotonic() - shown_at
            self.text = self.text[:at]

    def known_for(self, offset: int) -> float:
        """Return when the character at an offset was first shown (monotonic)."""
        return next(when for when, length in self.growth if length > offset)

    # --- the wire ----------------------------------------------------------------------------------------------------
    async def read(
        self, http: aiohttp.ClientSession, base: str, *, deltas: int | None = None, seconds: float | None = None
    ) -> None:
        """Read from a process until the end, so many deltas or so many seconds, then leave."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.last_id is not None:
            headers["Last-Event-ID"] = str(self.last_id)
        params = {"reply": self.reply} if self.reply else {}
        try:
            async with (
                asyncio.timeout(seconds),
                http.get(f"{base}/api/chats/{self.chat}/stream/", headers=headers, params=params) as answer,
            ):
                await self.consume(answer, deltas)
        except TimeoutError:
            if seconds is None:
                raise

    async def consume(self, answer: aiohttp.ClientResponse, deltas: int | None = None) -> None:
        """Take the events of an answer; return at its end or after so many deltas."""
        self.connections += 1
        self.status = answer.status
        assert answer.status == 200, f"{answer.status}: {await answer.text()}"
        buffer = b""
        async for chunk in answer.content.iter_any():
            buffer += chunk
            *frames, buffer = buffer.split(b"\n\n")
            for frame in frames:
                name = self._frame(frame.decode())
                deltas = deltas - 1 if deltas is not None and name == "delta" else deltas
                if self.end is not None or deltas == 0:
                    return

    def _frame(self, frame: str) -> str:
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if not line.startswith(":"))
        if not fields:
            self.keep_alives += 1
            return ""
        id_ = int(fields["id"]) if "id" in fields else None
        self.take(fields["event"], id_, json.loads(fields["data"]))
        return fields["event"]

    async def read_on(self, http: aiohttp.ClientSession, bases: list[str], seconds: float = 60) -> None:
        """Read to the end, going on elsewhere whenever a connection breaks."""
        async with asyncio.timeout(seconds):
            while self.end is None:
                try:
                    await self.read(http, random.choice(bases))
                except GONE:
                    await asyncio.sleep(0.1)
