"""The official SDK's typed stream, passed on as server-sent events: the shortest relay there is of it."""

import os

import orjson
from openai import AsyncOpenAI

from benchmarks.baselines.floor import HEADERS

client = AsyncOpenAI(api_key="bench", base_url=os.environ.get("OPENAI_BASE_URL", ""), max_retries=0)


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    asked = orjson.loads((await receive())["body"])
    stream = await client.chat.completions.create(model=asked["model"], messages=asked["messages"], stream=True)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    async for chunk in stream:
        event = b"data: %b\n\n" % chunk.model_dump_json(exclude_unset=True).encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
