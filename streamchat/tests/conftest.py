"""Fixtures: the fake Stream, and the live server set up for it."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from chats.tests.helpers import eventually
from streamchat.testing import FakeStream, Hook


@pytest.fixture(scope="session")
def fake_stream() -> Iterator[FakeStream]:
    with FakeStream() as stream:
        yield stream


class Friends:
    """Friends in a channel of their own, whose slash commands reach the server as Stream's webhooks."""

    def __init__(self, http: httpx.Client, stream: FakeStream) -> None:
        self.http, self.stream = http, stream
        self.cid = f"messaging:{uuid.uuid4().hex}"

    def hook(self, args: str, **values: Any) -> Hook:
        return Hook(args, values.pop("cid", self.cid), **values)

    def deliver(self, hook: Hook, body: bytes | None = None, attempt: int = 1, **headers: str) -> httpx.Response:
        """Send a webhook; `headers` replace those that belong to it."""
        raw = hook.body()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**hook.headers(raw, attempt), **named}
        return self.http.post("/webhooks/stream/?type=gpt", content=raw if body is None else body, headers=sent)

    def say(self, args: str, **values: Any) -> Any:
        """Send a command; return what Stream is answered."""
        answer = self.deliver(self.hook(args, **values))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def messages(self, cid: str = "") -> list[dict[str, Any]]:
        return self.stream.messages(cid or self.cid)

    def finished(self, count: int = 1, cid: str = "") -> list[dict[str, Any]]:
        """Wait until so many messages of the bot are finished in the channel, and the bot has nothing more to do."""
        return eventually(lambda: self._finished(count, cid or self.cid))

    def _finished(self, count: int, cid: str) -> list[dict[str, Any]]:
        done = [each for each in self.messages(cid) if each["custom"]["generating"] is False]
        told = all(self.stream.story(each["id"])[-1] in ("clear", "post") for each in done)
        return done if len(done) >= count and told else []

    def ask(self, args: str, **values: Any) -> dict[str, Any]:
        """Send a command and return the bot's finished message."""
        before = len([each for each in self.messages(values.get("cid", "")) if each["custom"]["generating"] is False])
        answer = self.say(args, **values)
        assert answer["message"]["type"] == "regular", answer
        return self.finished(before + 1, values.get("cid", ""))[-1]


@pytest.fixture
def stream(live: str, fake_stream: FakeStream, settings: Any) -> FakeStream:
    """Return the fake Stream that the live server is set up for."""
    fake_stream.clear()
    settings.STREAM_API_KEY, settings.STREAM_API_SECRET = fake_stream.key, fake_stream.secret
    settings.STREAM_BASE_URL = fake_stream.url
    settings.STREAM_UPDATES_PER_SECOND = 20
    settings.STREAM_HOOK_SECONDS = 10  # busy machines; what is about the limit sets it
    return fake_stream


@pytest.fixture
def friends(live: str, stream: FakeStream) -> Iterator[Friends]:
    with httpx.Client(base_url=live, timeout=30) as http:
        yield Friends(http, stream)


@pytest.fixture
def circle(live: str, stream: FakeStream) -> Iterator[Callable[[], Friends]]:
    """Return a maker of friends, each in a channel of their own."""
    with httpx.Client(base_url=live, timeout=30) as http:
        yield lambda: Friends(http, stream)


def scripted(**script: Any) -> str:
    """Return a question that scripts the fake provider's reply to it; a command's text is one line."""
    return f"hello\n!fake {json.dumps(script)}"
