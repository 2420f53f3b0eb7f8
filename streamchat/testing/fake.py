"""The fake Stream for tests: a server on a thread and a loop of its own."""

import asyncio
import threading
from typing import Any, Self

from aiohttp import web

from streamchat.testing.server import KEY, SECRET, make_app
from streamchat.testing.state import Call, Fault, State

HOST = "127.0.0.1"
START_SECONDS = 10


async def start(state: State, port: int) -> tuple[web.AppRunner, int]:
    """Serve on loopback; port 0 takes a free one. Returns what to clean up and the port."""
    runner = web.AppRunner(make_app(state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, reuse_address=True).start()
    return runner, int(runner.addresses[0][1])


class FakeStream:
    """Stream on a free port, from entering the context to leaving it."""

    key, secret = KEY, SECRET

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.state = State()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="fake-stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise RuntimeError("The fake Stream did not start.")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def calls(self, *names: str) -> list[Call]:
        """What was called so far, oldest first."""
        return [call for call in list(self.state.calls) if not names or call.name in names]

    def messages(self, cid: str) -> list[dict[str, Any]]:
        """The messages of a channel as stored, oldest first."""
        return [dict(each) for each in list(self.state.messages.values()) if each["cid"] == cid]

    def story(self, message_id: str) -> list[str]:
        """What happened to a message, in order: `post`, `grow`, `store`, and the indicators by their states."""
        return [name for call in self.calls() if (name := _chapter(call, message_id))]

    def fail(self, name: str, status: int = 0, **values: Any) -> None:
        """Have the next calls of a name fail."""
        self.state.faults.append(Fault(name, status, **values))

    def clear(self) -> None:
        self.state.clear()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner, self.port = self._loop.run_until_complete(start(self.state, self.port))
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()


def _chapter(call: Call, message_id: str) -> str:
    if call.name == "send" and call.body["message"]["id"] == message_id:
        return "post"
    if call.name in ("grow", "update") and call.target == message_id:
        return "grow" if call.name == "grow" else "store"
    custom = call.body["event"].get("custom", {}) if call.name == "event" else {}
    return str(custom.get("ai_state", "clear")) if custom.get("message_id") == message_id else ""
