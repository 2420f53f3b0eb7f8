"""Fixtures that all apps share: a real server on a thread, a fake provider, and people who sign in."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.management import CommandError
from django.db import OperationalError, connection, connections
from django.test import TransactionTestCase
from django.test.utils import setup_databases, teardown_databases

from llm.testing import FakeProvider

PASSWORD = "correct horse battery 9"


def pytest_configure() -> None:
    """Make Django's tools for tests fit for a server that works on in other threads of this process."""
    # While a test changes a setting there are none at all for a moment, and a thread that asks finds this.
    LazySettings._wrapped = django_settings._wrapped  # type: ignore[attr-defined, misc]
    TransactionTestCase._fixture_teardown = _flushed_again(  # type: ignore[attr-defined]
        TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    )


def _flushed_again(flush: Callable[[Any], None]) -> Callable[[Any], None]:
    """Empty the tables again where the server's statements and TRUNCATE had locked what the other waits for."""

    def flushed(case: Any) -> None:
        for attempt in range(5):
            try:
                return flush(case)
            except (CommandError, OperationalError):
                if attempt == 4:
                    raise
                time.sleep(0.2)
        return None

    return flushed


class Server:
    """The ASGI application on a free port, in this process, so that tests can change settings."""

    def __init__(self) -> None:
        from config.server import server_config

        config = server_config("127.0.0.1", 0)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> "Server":
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)


class Person:
    """Somebody with an account and an HTTP client of their own."""

    def __init__(self, url: str, email: str) -> None:
        self.email = email
        self.http = httpx.Client(base_url=url, timeout=30)
        answer = self.http.post("/api/register/", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["user"]["id"]
        self.token = answer.json()["access"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.get(path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> httpx.Response:
        return self.http.post(path, json={} if json is None else json, **kwargs)

    def chat(self, **values: Any) -> str:
        """Make a chat and return its id."""
        answer = self.post("/api/chats/", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def say(self, chat: str, content: str, **values: Any) -> httpx.Response:
        """Send a message and wait for the reply."""
        return self.post(f"/api/chats/{chat}/messages/", {"content": content, **values})

    def messages(self, chat: str) -> list[dict[str, Any]]:
        return list(self.get(f"/api/chats/{chat}/messages/").json()["results"])


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Make the test database for whoever asks; pytest-django's own looks for marks, which `live` tests have none of."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases=["default"], serialized_aliases=[])  # type: ignore[arg-type]
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":  # what threads gave back to the pool is still connected
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def fake() -> Iterator[FakeProvider]:
    """Return the fake provider of this run."""
    with FakeProvider() as provider:
        yield provider


@pytest.fixture(scope="session")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[Server]:
    """Start the server once for the run; its tests make their own users and clean nothing up."""
    with django_db_blocker.unblock(), Server() as running:
        yield running


@pytest.fixture
def live(server: Server, fake: FakeProvider, settings: Any, django_db_blocker: Any) -> Iterator[str]:
    """Return the server's address, with both vendors answered by the fake."""
    settings.OPENAI_BASE_URL = fake.openai_base_url
    settings.GEMINI_BASE_URL = fake.gemini_base_url
    settings.OPENAI_API_KEY, settings.GEMINI_API_KEY = "sk-test", "gm-test"
    settings.MODERATION = "off"
    settings.REQUIRE_CONFIRMED_EMAIL = False
    settings.REGISTRATIONS_PER_HOUR = 100_000
    fake.clear()
    with django_db_blocker.unblock():
        yield server.url
        connection.close()


@pytest.fixture
def person(live: str) -> Iterator[Callable[[], Person]]:
    """Return a maker of people."""
    made: list[Person] = []

    def make() -> Person:
        made.append(Person(live, f"p{uuid.uuid4().hex[:12]}@example.org"))
        return made[-1]

    yield make
    for one in made:
        one.http.close()


@pytest.fixture
def alice(person: Callable[[], Person]) -> Person:
    return person()


@pytest.fixture
def bob(person: Callable[[], Person]) -> Person:
    return person()


@pytest.fixture
def on_postgresql() -> bool:
    return bool(django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql"))


@pytest.fixture(scope="session", autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    connections.close_all()
