"""Calls to Stream through its SDK, which is imported only where Stream is set up: it takes most of a second.

Every call has a time limit, and after a 429 no call of that kind is made before the time that Stream named.
"""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from common.per_loop import per_loop
from streamchat.errors import StreamAway, StreamBusy, StreamRefused

if TYPE_CHECKING:
    from getstream import AsyncStream

T = TypeVar("T")
Call = Callable[["AsyncStream"], Awaitable[T]]
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 8.0
DEFAULT_WAIT = 5.0  # after a 429 that names no time
LONGEST_WAIT = 120.0
CONNECTIONS = 20


class Client:
    """The SDK's client of one event loop, and what Stream has asked it to wait for."""

    def __init__(self) -> None:
        self._sdk: AsyncStream | None = None
        self._making = asyncio.Lock()
        self._made_for: tuple[str, ...] = ()
        self._closed_until: dict[str, float] = {}
        self.bot: tuple[str, ...] = ()  # as it was last stored on Stream

    async def sdk(self) -> "AsyncStream":
        """Give the SDK's client, made on first use; the import runs on a thread."""
        wanted = settings.STREAM_API_KEY, settings.STREAM_API_SECRET, settings.STREAM_BASE_URL
        async with self._making:
            if self._sdk is None or self._made_for != wanted:
                await asyncio.to_thread(importlib.import_module, "getstream")
                await self.close()
                self._sdk, self._made_for = _new_sdk(), wanted
                self.bot, self._closed_until = (), {}
            return self._sdk

    async def once(self, kind: str, call: Call[T]) -> T:
        """Make one try; raise StreamBusy, StreamAway or StreamRefused."""
        sdk = await self.sdk()
        wait = self._closed_until.get(kind, 0.0) - time.monotonic()
        if wait > 0:
            raise StreamBusy(wait)
        try:
            # The SDK's own limit comes first, phase by phase, and closes what it gives up; this one bounds the whole.
            async with asyncio.timeout(2 * settings.STREAM_TIMEOUT):
                return await call(sdk)
        except Exception as error:
            raise self._named(kind, error) from error

    async def insist(self, kind: str, call: Call[T]) -> T:
        """Try again for `STREAM_RETRY_SECONDS` while Stream is busy or away, never before the time that it names."""
        deadline, pause = time.monotonic() + settings.STREAM_RETRY_SECONDS, FIRST_BACKOFF
        while True:
            try:
                return await self.once(kind, call)
            except (StreamBusy, StreamAway) as error:
                wait = error.wait if isinstance(error, StreamBusy) else pause
                if time.monotonic() + wait > deadline:
                    raise
            pause = min(2 * pause, LONGEST_BACKOFF)
            await asyncio.sleep(wait)

    def _named(self, kind: str, error: Exception) -> Exception:
        """Give a failure of the SDK our name."""
        from getstream.exceptions import StreamApiException, StreamException, StreamRateLimitException

        if isinstance(error, StreamRateLimitException):
            wait = wait_of(error)
            self._closed_until[kind] = time.monotonic() + wait
            return StreamBusy(wait)
        if isinstance(error, StreamApiException) and 400 <= error.status_code < 500:
            return StreamRefused(error.status_code, error.code, error.message)
        if isinstance(error, StreamException | TimeoutError | OSError):
            return StreamAway(type(error).__name__)
        return error

    async def close(self) -> None:
        """Close the connections."""
        if self._sdk is not None:
            await self._sdk.client.aclose()
            self._sdk = None


@per_loop
def stream_client() -> Client:
    """Return the running loop's client."""
    return Client()


def wait_of(error: Any) -> float:
    """Return how many seconds a 429 asks us to wait: `Retry-After`, else `X-RateLimit-Reset`, else a guess."""
    wait = DEFAULT_WAIT
    if error.retry_after is not None:
        wait = error.retry_after.total_seconds()
    elif error.rate_limit_info is not None:
        wait = (error.rate_limit_info.reset - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.1), LONGEST_WAIT)


def _new_sdk() -> "AsyncStream":
    """All values are given: what is left out, the SDK would read from the environment, like proxies."""
    import httpx
    from getstream import AsyncStream

    http = httpx.AsyncClient(trust_env=False, follow_redirects=False, limits=httpx.Limits(max_connections=CONNECTIONS))
    return AsyncStream(
        api_key=settings.STREAM_API_KEY,
        api_secret=settings.STREAM_API_SECRET,
        base_url=settings.STREAM_BASE_URL,
        request_timeout=settings.STREAM_TIMEOUT,
        http_client=http,
        max_conns_per_host=CONNECTIONS,
        idle_timeout=55.0,
        connect_timeout=settings.STREAM_TIMEOUT,
    )
