"""A reader of replies that are more than text, over SSE or a WebSocket: it keeps deltas, and derives parts of them."""

import asyncio
from typing import Any

import aiohttp

from tests.faults.reader import STEP, Reader


class PartsReader(Reader):
    """Keeps pieces as (at, stop, kind, text or part); a cut takes away whatever reaches beyond it."""

    def __init__(self, token: str, chat: str, reply: str = "") -> None:
        super().__init__(token, chat, reply)
        self.pieces: list[tuple[int, int, str, Any]] = []
        self.waiting: dict[str, Any] | None = None

    @property
    def length(self) -> int:
        return self.pieces[-1][1] if self.pieces else 0

    def take(self, event: str, id_: int | None, data: Any) -> None:
        if event == "tool_input":
            assert id_ is None
        elif event == "waiting":
            assert self.end is None
            assert id_ is not None
            assert id_ == self.last_id, "it has the id of the last delta"
            assert data["at"] == id_ % STEP == self.length
            self.waiting = data
        else:
            super().take(event, id_, data)

    def _take_delta(self, id_: int, data: Any) -> None:
        at, stop = data["at"], id_ % STEP
        assert at == self.length, f"{self.length} characters known, the next at {at}"
        assert "part" in data or stop == at + len(data["text"])
        self.pieces.append((at, stop, data["kind"], data.get("part") or data["text"]))

    def _take_end(self, event: str, id_: int, data: Any) -> None:
        assert event == "end", event
        assert id_ % STEP == STEP - 1
        assert data["at"] == self.length, f"the end is at {data['at']}, {self.length} characters came"
        self.end = data["message"]
        assert self.parts == self.end["parts"]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Derive what the message says: text joined, results and decisions told with their calls."""
        found: list[dict[str, Any]] = []
        calls: dict[str, dict[str, Any]] = {}
        before = ""
        for _, _, kind, value in self.pieces:
            if kind in ("text", "reasoning"):
                if before == kind:
                    found[-1]["text"] += value
                else:
                    found.append({"type": kind, "text": value})
            elif kind == "tool_call":
                calls[value["id"]] = dict(value)
                found.append(calls[value["id"]])
            elif kind == "tool_result":
                calls[value["id"]].update(value, type="tool_call")
            else:
                for each in value["calls"]:
                    calls[each["id"]]["state"] = "running" if each["approved"] else "denied"
            before = kind
        for call in calls.values():
            if self.end and call["state"] in ("running", "waiting"):
                call["state"] = "unknown"
        return found

    async def read_socket(self, http: aiohttp.ClientSession, base: str) -> None:
        """Follow over a WebSocket to the end."""
        async with http.ws_connect(f"{base}/ws/chats/") as socket:
            await socket.send_json({"type": "auth", "token": self.token})
            frame = {"type": "follow", "chat": self.chat, "reply": self.reply}
            await socket.send_json(frame | ({"after": self.last_id} if self.last_id is not None else {}))
            while self.end is None:
                said = await socket.receive_json()
                assert said["type"] != "error", said
                if said["type"] not in ("ready", "keep-alive"):
                    self.take(said["type"], said["seq"], said)

    async def until_waiting(self, seconds: float = 30) -> dict[str, Any]:
        """Wait until it is told that the reply waits."""
        async with asyncio.timeout(seconds):
            while self.waiting is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self.waiting
