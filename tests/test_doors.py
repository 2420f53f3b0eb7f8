"""Every door is closed to whoever has no credentials, but for those that are listed here."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chats.routing import websocket_urlpatterns
from chats.tests.routes import METHODS, example, routes

PUBLIC = {
    # Where somebody comes in, or back in by a mail.
    "/api/register", "/api/token", "/api/password-reset", "/api/password-reset/confirm",
    "/api/confirmation-email/confirm",
    "/accounts/sign-in", "/accounts/register", "/accounts/reset", "/accounts/reset/confirm", "/accounts/confirm",
    "/admin/login",
    # Lead to a page that asks who it is, or out; without anybody there they do nothing.
    "/api/logout", "/admin/logout", "/admin/password_change",
    # Ask for credentials of their own, in the words of RFC 6749.
    "/oauth/authorize", "/oauth/token", "/oauth/revoke",
    # The same for everybody.
    "/", "/favicon.ico", "/healthz", "/readyz", "/api/schema", "/api/docs", "/openapi/notes.json",
    "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    # Known by a long random name.
    "/media/avatars/<str:name>",
    # Where there is nothing.
    "/^v1(?:/|$)", "/^api", "/^oauth",
}  # fmt: skip
CSRF = "c" * 32
SIGN_IN = ("/accounts/sign-in/", "/admin/login/")


@pytest.fixture
def stranger(live: str, settings: Any) -> Iterator[httpx.Client]:
    """Return a client without credentials; forms take what it posts, so that nothing but the door itself refuses."""
    settings.STREAM_API_KEY, settings.STREAM_API_SECRET = "key", "secret"
    with httpx.Client(base_url=live, cookies={"csrftoken": CSRF}, headers={"X-CSRFToken": CSRF}) as client:
        yield client


def turned_away(answer: httpx.Response) -> bool:
    return answer.status_code in (401, 403) or answer.headers.get("Location", "").startswith(SIGN_IN)


def test_nobody_without_credentials_is_let_in(stranger: httpx.Client) -> None:
    entered, tried = set(), 0
    for route in routes():
        for method in route.methods or METHODS:
            answer = stranger.request(method, example(route.path))
            assert answer.status_code < 500, route.path
            if answer.status_code != 405 and not turned_away(answer):
                entered.add(route.path.rstrip("/") or "/")
            tried += 1

    assert entered == PUBLIC
    assert tried > 300


def how_it_ends(url: str) -> int:
    """Open a socket and say nothing; return the status of its refusal, or the code that it is closed with."""
    try:
        with connect(url) as socket, suppress(ConnectionClosed):
            while True:
                assert json.loads(socket.recv(timeout=20))["type"] == "error"
    except InvalidStatus as refusal:
        return int(refusal.response.status_code)
    return int(socket.close_code or 0)


def test_no_socket_is_open_to_a_stranger(live: str, settings: Any) -> None:
    settings.SOCKET_AUTH_SECONDS = 0.3

    for pattern in websocket_urlpatterns:
        assert how_it_ends(live.replace("http", "ws") + example(f"/{pattern.pattern}")) in (403, 4401)
