"""The headers that guard browsers are on every answer, whoever gives it, and there once."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from chats.routing import websocket_urlpatterns
from chats.tests.routes import METHODS, example, routes
from config.tests.wire import answer_start, chunk, dial, head
from conftest import Person

GUARDING = {
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
HSTS = "max-age=31536000; includeSubDomains; preload"
HTTPS = {"X-Forwarded-Proto": "https"}
SOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}


def is_guarded(headers: Mapping[str, str], hsts: str | None = None) -> bool:
    """Tell whether all are there, once: a header that came twice would have both its values."""
    sent = {name.lower(): value for name, value in headers.items()}
    return sent.get("strict-transport-security") == hsts and all(
        sent.get(name) == value for name, value in GUARDING.items()
    )


def raw(url: str, sent: bytes) -> tuple[str, Mapping[str, str]]:
    """Return the status and the headers of what is answered to bytes."""
    with dial(url) as client:
        client.sendall(sent)
        lines = answer_start(client).decode().partition("\r\n\r\n")[0].split("\r\n")
    pairs = [line.partition(": ") for line in lines[1:]]
    assert len({name.lower() for name, _, _ in pairs}) == len(pairs)
    return lines[0].split()[1], {name: value for name, _, value in pairs}


def test_every_address(live: str, alice: Person) -> None:
    asked = [(method, example(route.path)) for route in routes() for method in (*(route.methods or METHODS), "options")]
    with httpx.Client(base_url=live) as stranger:
        for client in (stranger, alice.http):
            for method, path in asked:
                answer = client.request(method, path)
                assert is_guarded(answer.headers), (method, path, answer.headers)


def test_over_https_they_say_that_it_stays_so(live: str, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # as TRUSTED_PROXIES has it

    for path in ("/", "/healthz", "/api/chats/", "/v1/models", "/nowhere"):
        assert is_guarded(httpx.get(live + path, headers=HTTPS).headers, HSTS)
        assert is_guarded(httpx.get(live + path, headers={"X-Forwarded-Proto": "http"}).headers)
        assert is_guarded(httpx.get(live + path).headers)
    assert is_guarded(httpx.post(live, content=b"x" * 3_000_000, headers=HTTPS).headers, HSTS)


def test_streams(alice: Person) -> None:
    answer = alice.post(
        f"/api/chats/{alice.chat()}/messages/", {"content": "Hello"}, headers={"Accept": "text/event-stream"}
    )

    assert answer.headers["Content-Type"] == "text/event-stream"
    assert is_guarded(answer.headers)


def test_static_files(static_files: str) -> None:
    for method in ("GET", "HEAD"):
        answer = httpx.request(method, f"{static_files}/static/site.css")
        assert (answer.status_code, is_guarded(answer.headers)) == (200, True)
    assert is_guarded(httpx.get(f"{static_files}/static/nothing.css").headers)


def test_what_is_refused_before_it_is_read(live: str, settings: Any) -> None:
    settings.BODY_SECONDS, settings.MAX_HEADER_BYTES = 0.3, 300_000
    large = b"GET / HTTP/1.1\r\nX: "
    refused = {
        "400": b"no request\r\n\r\n",
        "408": head("/api/chat", Content_Length=10) + b"{",
        "413": head("/api/chat", Content_Length=10**8),
        "431": large + b"x" * 800_000,
    }

    for status, sent in refused.items():
        found, headers = raw(live, sent)
        assert (found, is_guarded(headers)) == (status, True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_a_target_that_is_no_path(live: str, method: str) -> None:
    sent = f"{method} * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    found, headers = raw(live, sent.encode())

    assert (found, is_guarded(headers)) == ("404", True)


def test_a_chunked_body_that_is_none(live: str) -> None:
    found, headers = raw(live, head("/api/chat", Transfer_Encoding="chunked") + chunk(b"x") + b"no chunk\r\n")

    assert (found, is_guarded(headers)) == ("400", True)


@pytest.mark.parametrize("key", [{}, {"Sec_WebSocket_Key": "no key"}])
def test_handshakes_that_are_none(live: str, key: dict[str, str]) -> None:
    found, headers = raw(live, head("/ws/chats/", "GET", **SOCKET, **key))

    assert (found, is_guarded(headers)) == ("400", True)


def test_refused_handshakes(live: str) -> None:
    for path in ("/nowhere", *(f"/{pattern.pattern}" for pattern in websocket_urlpatterns)):
        with pytest.raises(InvalidStatus) as caught:
            connect(live.replace("http", "ws") + example(path), origin="https://evil.example")  # type: ignore[arg-type]
        assert caught.value.response.status_code == 403
        assert is_guarded(dict(caught.value.response.headers.raw_items()))
