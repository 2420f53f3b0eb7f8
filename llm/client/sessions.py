"""One HTTP session per event loop, shared by every provider."""

import asyncio
from weakref import WeakKeyDictionary

import aiohttp
from django.conf import settings

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def session() -> aiohttp.ClientSession:
    """Give the running loop's session, made on first use."""
    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        found = _sessions[loop] = _new_session()
    return found


async def close_session() -> None:
    """Close the running loop's session, if it has one."""
    found = _sessions.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


def _new_session() -> aiohttp.ClientSession:
    """Only connecting is timed here: the engine's clock bounds everything after it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Parley", "Accept": "text/event-stream"},
        timeout=aiohttp.ClientTimeout(total=None, connect=settings.PROVIDER_CONNECT_TIMEOUT),
        trust_env=False,
    )
