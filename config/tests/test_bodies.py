"""Bodies: what strangers send is small or refused, refused ones leave nothing behind, and the refusal can be read."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import resolve

from accounts.models import User
from chats.tests.helpers import eventually
from chats.tests.routes import example, routes
from common.view_options import options_of
from config.bodies import unread
from config.tests.wire import PIECE, answer_start, chunk, dial, everything, head, send_all, send_without_end
from conftest import Person


def most_of(path: str) -> int:
    return int(getattr(django_settings, options_of(resolve(path).func).max_body))


MIB = 2**20
CHUNKED = {"Transfer_Encoding": "chunked"}
PATHS = sorted({example(route.path) for route in routes()})
LARGE = sorted(path for path in PATHS if most_of(path) > django_settings.MAX_BODY_BYTES)
SOME = ["/v1/chat/completions", "/api/chat", "/api/profile/avatar/", "/accounts/profile/avatar/", "/api/token/"]


def method_of(path: str) -> str:
    return "PUT" if path.startswith("/api/profile/avatar") else "POST"


@pytest.fixture
def credentials(alice: Person) -> Callable[[str], dict[str, str]]:
    """Return what signs Alice in at an address: an API key, the cookie of a page, or an access token."""
    key = alice.post("/api/keys/", {"name": "test"}).json()["key"]
    browser = Client()
    browser.force_login(User.objects.get(pk=alice.id), "accounts.backends.EmailBackend")
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME].value

    def headers(path: str) -> dict[str, str]:
        if path.startswith("/accounts/"):
            return {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
        return {"Authorization": f"Bearer {key if path.startswith('/v1') else alice.token}"}

    return headers


def refusal(live: str, path: str, size: int, **headers: Any) -> bytes:
    """Send a chunked body to its end, and only then read."""
    with dial(live) as client:
        client.sendall(head(path, method_of(path), **CHUNKED, **headers))
        send_all(client, size)
        return everything(client)


@pytest.mark.parametrize("path", SOME)
def test_who_sends_too_much_reads_the_refusal(live: str, path: str) -> None:
    answer = refusal(live, path, 33 * MIB)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"}")


def test_refused_bodies_leave_nothing_in_memory(live: str) -> None:
    refusal(live, SOME[0], 3 * MIB)
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(lambda path: refusal(live, path, 33 * MIB), SOME * 2))
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 413"}
    assert (kept < 4 * MIB, most < 48 * MIB, unread.held) == (True, True, 0)


def test_nowhere_may_a_stranger_send_more_than_the_ordinary_limit(live: str, settings: Any) -> None:
    settings.MAX_BODY_BYTES = 1024
    assert len(LARGE) > 8

    with httpx.Client(base_url=live) as client:
        for path in PATHS:
            assert client.post(path, content=b"x" * 1025).status_code == 413, path


@pytest.mark.parametrize("path", LARGE)
def test_whoever_is_signed_in_may_send_more_where_the_view_says_so(
    live: str, settings: Any, credentials: Callable[[str], dict[str, str]], path: str
) -> None:
    settings.MAX_BODY_BYTES = 1024
    most = most_of(path)
    signed_in = credentials(path)
    forged = {name: f"{value[:-6]}zzzzzz" for name, value in signed_in.items()}

    def status(size: int, headers: dict[str, str]) -> int:
        return httpx.request(method_of(path), live + path, content=b"x" * size, headers=headers).status_code

    is_there = path not in ("/v1/", "/v1", "/api/chat/")
    assert status(4096, signed_in) != 413 or not is_there
    assert status(most + 1, signed_in) == 413
    assert status(4096, forged) in (401, 413)
    assert status(4096, {"Authorization": "Basic YTpi"}) == 413


@pytest.mark.parametrize("path", LARGE)
@pytest.mark.parametrize("size", [3 * MIB, 40 * MIB])
def test_a_declared_length_is_refused_before_it_is_asked_for(live: str, path: str, size: int) -> None:
    with dial(live) as client:
        client.sendall(head(path, Content_Length=size, Expect="100-continue"))

        assert answer_start(client).startswith(b"HTTP/1.1 413 ")


def test_a_declared_length_that_is_allowed_is_asked_for(
    live: str, credentials: Callable[[str], dict[str, str]]
) -> None:
    with dial(live) as client:
        client.sendall(head(SOME[0], Content_Length=3 * MIB, Expect="100-continue", **credentials(SOME[0])))

        assert answer_start(client).startswith(b"HTTP/1.1 100 ")


def test_the_bodies_that_are_arriving_have_a_budget_together(live: str, settings: Any) -> None:
    settings.MAX_UNREAD_BYTES, settings.BODY_SECONDS = 3 * len(PIECE), 60
    with ExitStack() as opened:
        unfinished = opened.enter_context(dial(live))
        unfinished.sendall(head(SOME[1], **CHUNKED) + chunk(PIECE) + chunk(PIECE))
        eventually(lambda: unread.held >= len(PIECE) * 2)

        other = opened.enter_context(dial(live))
        other.sendall(head(SOME[1], **CHUNKED) + chunk(PIECE) + chunk(PIECE))
        answer = answer_start(other)
        small = httpx.post(f"{live}/api/token/", json={"email": "a@example.org", "password": "x"})

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 60\r\n" in answer.lower()
    assert small.status_code == 401
    eventually(lambda: unread.held == 0)


def test_slow_bodies_do_not_hold_the_budget_for_ever(live: str, settings: Any) -> None:
    settings.BODY_SECONDS = 0.3
    with dial(live) as slow:
        slow.sendall(head(SOME[1], **CHUNKED) + chunk(PIECE))

        assert answer_start(slow).startswith(b"HTTP/1.1 408 ")
    assert unread.held == 0


def test_what_a_refused_client_goes_on_sending_is_taken_for_a_bounded_time(live: str, settings: Any) -> None:
    settings.BODY_SECONDS = 0.5
    with dial(live) as client:
        client.sendall(head(SOME[1], **CHUNKED))
        with pytest.raises(OSError):
            send_without_end(client, chunk(PIECE))


def test_a_body_that_nobody_reads_ends_too(static_files: str, settings: Any) -> None:
    settings.BODY_SECONDS = 0.5
    with dial(static_files) as client:
        client.sendall(head("/static/site.css", "GET", **CHUNKED) + chunk(b"x"))
        assert b" 200 " in answer_start(client)
        client.sendall(chunk(b"y"))  # which ends the wait of an idle connection

        assert b"HTTP" not in everything(client)


def test_trailers_without_end_are_cut_off(live: str, settings: Any) -> None:
    settings.MAX_HEADER_BYTES = 4096
    with dial(live) as client:
        client.sendall(head("/api/token/", **CHUNKED) + chunk(b"{}") + b"0\r\nX-Long: ")
        with pytest.raises(OSError):
            send_without_end(client, PIECE)
