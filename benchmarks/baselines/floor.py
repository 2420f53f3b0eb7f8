"""The floor: a bare ASGI relay with aiohttp. No framework, no sign-in, no storage, not even parsing."""

import os

import aiohttp

BASE = os.environ.get("OPENAI_BASE_URL", "")
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
session: aiohttp.ClientSession | None = None


async def application(scope, receive, send):  # type: ignore[no-untyped-def]
    global session
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    session = session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    async with session.post(f"{BASE}/chat/completions", data=body) as answer:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async for part in answer.content.iter_any():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def lifespan(receive, send):  # type: ignore[no-untyped-def]
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            if session:
                await session.close()
            return
