"""A question by each of the doors at which turns begin; returns the status, 0 where a door has none to tell."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from streamchat.testing import Hook
from tests.faults.people import PASSWORD, Person

CSRF = "c" * 32
Door = Callable[["Asker", str, str], Awaitable[int]]


@dataclass(frozen=True)
class Asker:
    """Somebody with all that the doors ask for: a token, an API key, a session of the pages, a name on Stream."""

    person: Person
    key: str
    cookie: str
    stream_id: str

    @classmethod
    async def register(cls, http: aiohttp.ClientSession, bases: list[str], user_id: Callable[[str], int]) -> "Asker":
        person = await Person.register(http, bases)
        key = await person.call("POST", bases[0], "/api/keys/", {"name": "k"})
        async with aiohttp.ClientSession(cookies={"csrftoken": CSRF}) as browser:
            form = {"email": person.email, "password": PASSWORD}
            asked = browser.post(
                f"{bases[0]}/accounts/sign-in/", data=form, headers={"X-CSRFToken": CSRF}, allow_redirects=False
            )
            async with asked as answer:
                assert answer.status == 302, await answer.text()
                session = answer.cookies["sessionid"].value
        cookie = f"sessionid={session}; csrftoken={CSRF}"
        return cls(person, str(key.body["key"]), cookie, f"parley-{user_id(person.email)}")

    async def post(self, url: str, token: str = "", **asked: Any) -> int:
        headers = {**asked.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.person.http.post(url, headers=headers, allow_redirects=False, **asked) as answer:
            await answer.read()
            return answer.status


async def rest(one: Asker, base: str, text: str) -> int:
    chat = await one.person.chat(base)
    return (await one.person.call("POST", base, f"/api/chats/{chat}/messages/", {"content": text})).status


async def completions(one: Asker, base: str, text: str) -> int:
    body = {"model": "openai/gpt-6-luna", "messages": [{"role": "user", "content": text}], "stream": True}
    return await one.post(f"{base}/v1/chat/completions", one.key, json=body)


async def seed(one: Asker, base: str, text: str) -> int:
    body = {"chat_id": str(uuid.uuid4()), "content": text}
    return (await one.person.call("POST", base, "/prompt_gpt/", body)).status


async def ai_sdk(one: Asker, base: str, text: str) -> int:
    message = {"id": uuid.uuid4().hex, "role": "user", "parts": [{"type": "text", "text": text}]}
    return await one.post(f"{base}/api/chat", one.person.token, json={"id": uuid.uuid4().hex, "messages": [message]})


async def socket(one: Asker, base: str, text: str) -> int:
    chat = await one.person.chat(base)
    async with one.person.http.ws_connect(f"{base}/ws/chats/") as frames:
        await frames.send_json({"type": "auth", "token": one.person.token})
        await frames.send_json({"type": "send", "chat": chat, "content": text, "key": uuid.uuid4().hex})
        while True:
            said = await frames.receive_json()
            if said["type"] == "error":
                return 429 if said["code"] == "quota_exceeded" else 500
            if said["type"] == "end":
                return 0


async def page(one: Asker, base: str, text: str) -> int:
    chat = await one.person.chat(base)
    form = {"message": text, "key": uuid.uuid4().hex}
    headers = {"Cookie": one.cookie, "X-CSRFToken": CSRF}
    return await one.post(f"{base}/chats/{chat}/send/", data=form, headers=headers)


async def stream_hook(one: Asker, base: str, text: str) -> int:
    """Return before the reply begins: it is a task's."""
    hook = Hook(text, f"messaging:{uuid.uuid4().hex}", user=one.stream_id)
    body = hook.body()
    return await one.post(f"{base}/webhooks/stream/", data=body, headers=hook.headers(body))


DOORS: tuple[Door, ...] = (rest, completions, seed, ai_sdk, socket, page, stream_hook)
