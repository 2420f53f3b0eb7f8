"""Every kind of open connection: how many a user may have, and what becomes of them with their session."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from chats.connections import check_sessions
from chats.models import State, Turn
from chats.tests.helpers import SSE, begin, events_in, eventually
from chats.tests.helpers import fake as scripted
from chats.turns.ends import request_stop
from chats.turns.engine import server_loop
from conftest import Person
from llm.testing import FakeProvider

SLOW = scripted(size=600, chunk=1, delay=0.05)


@dataclass
class Connections:
    """What one person opens; each method returns how to wait for the end, or raises for what is refused."""

    person: Person
    live: str
    stack: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        self.stack.close()

    def _stream(self, method: str, path: str, **kwargs: Any) -> Callable[[], Any]:
        answer = self.stack.enter_context(self.person.http.stream(method, path, headers=SSE, **kwargs))
        answer.raise_for_status()
        events = events_in(answer)
        self.stack.callback(events.close)  # httpx hangs up once nobody reads
        next(events)
        return lambda: [event.name for event in events if event.name == "end"]

    def sent(self) -> Callable[[], Any]:
        path = f"/api/chats/{self.person.chat()}/messages/"
        return self._stream("POST", path, json={"content": SLOW})

    def followed(self) -> Callable[[], Any]:
        chat = self.person.chat()
        begin(self.person, chat, SLOW)
        return self._stream("GET", f"/api/chats/{chat}/stream/", params={"after": 0})

    def _socket(self, path: str, **headers: str) -> ClientConnection:
        address = self.live.replace("http", "ws") + path
        self.last = self.stack.enter_context(connect(address, additional_headers=headers, proxy=None))
        return self.last

    def socket(self) -> Callable[[], Any]:
        connection = self._socket("/ws/chats/")
        connection.send(json.dumps({"type": "auth", "token": self.person.token}))
        connection.recv(timeout=20)
        return lambda: closed(connection)

    def page(self) -> Callable[[], Any]:
        browser = Client()
        browser.force_login(User.objects.get(pk=self.person.id), "accounts.backends.EmailBackend")
        cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME].value
        headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}", "Origin": self.live}
        connection = self._socket(f"/ws/chats/{uuid.uuid4()}/page/", **headers)
        return lambda: closed(connection)


def closed(connection: ClientConnection) -> int:
    """Read until the server closes; return its code."""
    with suppress(ConnectionClosed):
        while True:
            connection.recv(timeout=40)
    return int(connection.close_code or 0)


@pytest.fixture
def opened(live: str, alice: Person, fake: FakeProvider) -> Iterator[Connections]:
    connections = Connections(alice, live)
    yield connections
    connections.close()
    for chat in Turn.objects.filter(state=State.STREAMING).values_list("chat_id", flat=True):
        request_stop(chat)
    eventually(lambda: not fake.open)


STREAMS, SOCKETS = (Connections.sent, Connections.followed), (Connections.socket, Connections.page)
KINDS = [pytest.param(kind, id=kind.__name__) for kind in (*STREAMS, *SOCKETS)]
SAME_LIMIT = [(first, second) for alike in (STREAMS, SOCKETS) for first in alike for second in alike]


def refusal(open_one: Callable[[], Any]) -> int | None:
    """Return the status or close code that refuses a connection; None where it opens."""
    try:
        open_one()
    except httpx.HTTPStatusError as error:
        return error.response.status_code
    except InvalidStatus as error:
        return error.response.status_code
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 0
    return None


@pytest.mark.parametrize(("first", "second"), SAME_LIMIT, ids=lambda kind: kind.__name__)
def test_a_user_has_a_bounded_number_of_each_kind(
    first: Callable[..., Any], second: Callable[..., Any], opened: Connections, bob: Person, settings: Any
) -> None:
    settings.STREAMS_PER_USER = settings.SOCKETS_PER_USER = 1
    first(opened)

    assert refusal(lambda: second(opened)) in (429, 4429, 403)
    with ExitStack() as stack:
        assert refusal(lambda: second(Connections(bob, opened.live, stack))) is None, "another user's are not counted"
    opened.close()
    eventually(lambda: refusal(lambda: second(opened)) is None)


def test_streams_and_sockets_are_counted_apart(opened: Connections, settings: Any) -> None:
    settings.STREAMS_PER_USER = settings.SOCKETS_PER_USER = 1

    opened.sent()

    assert refusal(opened.page) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_session_ends_its_connections(
    kind: Callable[..., Any], opened: Connections, bob: Person, settings: Any
) -> None:
    settings.STREAMS_PER_USER = settings.SOCKETS_PER_USER = 1
    with ExitStack() as stack:
        other = Connections(bob, opened.live, stack)
        until_end, _ = kind(opened), kind(other)
        assert opened.person.post("/api/logout-all/").status_code == 204

        _check_sessions()

        assert until_end() in ([], 4401), "a stream just stops, a socket says why"
        assert refusal(lambda: kind(other)), "the other one is still there"


def _check_sessions() -> None:
    """Do at once what the server does every ten seconds."""
    loop = server_loop()
    assert loop is not None
    asyncio.run_coroutine_threadsafe(check_sessions(), loop).result(20)


@pytest.mark.parametrize(("frames", "size", "code"), [(50, 10, 1008), (1, 2000, 1009)])
@pytest.mark.parametrize("kind", SOCKETS, ids=lambda kind: kind.__name__)
def test_frames_are_bounded_in_rate_and_size(
    kind: Callable[..., Any], frames: int, size: int, code: int, opened: Connections, settings: Any
) -> None:
    settings.SOCKET_FRAMES_PER_SECOND, settings.MAX_FRAME_BYTES = 2, 1024
    until_end = kind(opened)

    with suppress(ConnectionClosed):
        for _ in range(frames):
            opened.last.send(json.dumps({"type": "x" * size}))

    assert until_end() == code
