"""One HTTP session per event loop, shared by every provider."""

import aiohttp
from django.conf import settings

from common.per_loop import per_loop


@per_loop
def session() -> aiohttp.ClientSession:
    """Give the running loop's session; only connecting is timed here, the engine's clock bounds everything after it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Parley", "Accept": "text/event-stream"},
        timeout=aiohttp.ClientTimeout(total=None, connect=settings.PROVIDER_CONNECT_TIMEOUT),
        trust_env=False,
    )


async def close_session() -> None:
    """Close the running loop's session, if it has one."""
    if found := session.pop():
        await found.close()
