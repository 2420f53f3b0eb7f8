"""Somebody with an account, who talks to any process of a cluster."""

import asyncio
import json
import random
import uuid
from typing import Any, NamedTuple

import aiohttp

from llm.testing.script import PSEUDO_TEXT
from tests.faults.reader import GONE, Reader

PASSWORD = "correct horse battery 9"
SSE = {"Accept": "text/event-stream"}


def expected(size: int) -> str:
    """Return what the fake provider says for a `size`."""
    return (PSEUDO_TEXT * (size // len(PSEUDO_TEXT) + 1))[:size]


def prompt(tag: str, **script: Any) -> str:
    """Return a prompt that scripts the provider's reply; the tag finds it in the provider's record."""
    return f"{tag}\n!fake {json.dumps(script)}"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Person:
    """A signed-in user with one HTTP session."""

    def __init__(self, http: aiohttp.ClientSession, bases: list[str], token: str, email: str) -> None:
        self.http, self.bases, self.token, self.email = http, bases, token, email

    @classmethod
    async def register(cls, http: aiohttp.ClientSession, bases: list[str]) -> "Person":
        email = f"p{uuid.uuid4().hex[:12]}@example.org"
        async with http.post(f"{bases[0]}/api/register/", json={"email": email, "password": PASSWORD}) as answer:
            assert answer.status == 201, await answer.text()
            token = (await answer.json())["access"]
        return cls(http, bases, token, email)

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}

    async def call(self, method: str, base: str, path: str, json: Any = None, **headers: str) -> Answer:
        """Make one call and read the whole answer."""
        url = f"{base}{path}"
        async with self.http.request(method, url, json=json, headers=self.headers(**headers)) as answer:
            body = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Answer(answer.status, _loads(body) if is_json else body, answer.headers)

    async def chat(self, base: str | None = None) -> str:
        answer = await self.call("POST", base or self.bases[0], "/api/chats/", {"id": str(uuid.uuid4())})
        assert answer.status in (200, 201), answer
        return str(answer.body["id"])

    async def begin(self, base: str, chat: str, content: str, **headers: str) -> Answer:
        """Start a turn and do not wait for its reply."""
        path = f"/api/chats/{chat}/messages/?wait=false"
        return await self.call("POST", base, path, {"content": content}, **headers)

    async def started(self, base: str, chat: str, content: str, **headers: str) -> Reader:
        """Start a turn and return a reader of its reply, which has not read yet."""
        answer = await self.begin(base, chat, content, **headers)
        assert answer.status == 202, answer
        return Reader(self.token, chat, answer.body["reply"]["id"])

    async def insist(self, path: str, body: Any, key: str, seconds: float = 30) -> Answer:
        """Post with an idempotency key, on any process, until one accepts or refuses for good."""
        async with asyncio.timeout(seconds):
            while True:
                base = random.choice(self.bases)
                try:
                    answer = await self.call("POST", base, path, body, **{"Idempotency-Key": key})
                    if answer.status < 500 and answer.status != 429:
                        return answer
                except GONE:
                    pass
                await asyncio.sleep(0.2)

    async def messages(self, base: str, chat: str) -> list[dict[str, Any]]:
        answer = await self.call("GET", base, f"/api/chats/{chat}/messages/?page_size=200")
        assert answer.status == 200, answer
        return list(answer.body["results"])

    async def stop(self, base: str, chat: str) -> Answer:
        return await self.call("POST", base, f"/api/chats/{chat}/stop/")


def _loads(body: bytes) -> Any:
    return json.loads(body) if body else None
