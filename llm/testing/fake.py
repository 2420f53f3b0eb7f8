"""The fake provider for tests: a server on a thread and a loop of its own."""

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from llm.testing.record import Journal
from llm.testing.server import make_app

HOST = "127.0.0.1"
START_SECONDS = 10


async def start(journal: Journal, port: int) -> tuple[web.AppRunner, int]:
    """Serve on loopback; port 0 takes a free one. Returns what to clean up and the port."""
    runner = web.AppRunner(make_app(journal), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, reuse_address=True, backlog=1024).start()
    return runner, int(runner.addresses[0][1])


class FakeProvider:
    """All vendors on one free port, from entering the context to leaving it."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.journal = Journal()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="fake-provider", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise RuntimeError("The fake provider did not start.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def openai_base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        return self.url

    @property
    def gemini_base_url(self) -> str:
        return f"{self.url}/v1beta"

    @property
    def open(self) -> int:
        """How many requests are being answered now."""
        return self.journal.open

    def requests(self, vendor: str | None = None) -> list[dict[str, Any]]:
        """What was asked so far, oldest first."""
        return [each for each in self.journal.requests() if vendor in (None, each["vendor"])]

    def script(self, **fields: Any) -> None:
        """Queue a script for the next request whose prompt has no directive."""
        self.journal.queue(fields)

    def clear(self) -> None:
        """Forget requests and scripts."""
        self.journal.clear()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner, self.port = self._loop.run_until_complete(start(self.journal, self.port))
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()
