"""Handshakes: from known origins, whole ones, and under our own host."""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from chats.tests.routes import example
from config.sockets import is_welcome, websocket_urlpatterns
from config.tests.wire import answer_start, dial, everything, head

HOST = "testserver:8000"


def scope(origin: str | None, scheme: str = "wss", **headers: str) -> dict[str, Any]:
    """Return the handshake of a browser at our own host."""
    sent = {"host": HOST, **({} if origin is None else {"origin": origin}), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return {"type": "websocket", "path": "/ws/chats/", "scheme": scheme, "query_string": b"", "headers": pairs}


@pytest.mark.parametrize("origin", [None, f"https://{HOST}", f"HTTPS://{HOST}", "http://localhost:5173"])
def test_known_origins_are_welcome(origin: str | None) -> None:
    assert is_welcome(scope(origin))


@pytest.mark.parametrize(
    "origin",
    [
        f"http://{HOST}", f"ftp://{HOST}", f"wss://{HOST}", "https://testserver", f"https://{HOST}:1", HOST,
        "https://localhost:5173", "http://localhost:5173.evil.example", "https://evil.example", "null", "",
    ],
)  # fmt: skip
def test_other_origins_are_not(origin: str) -> None:
    assert not is_welcome(scope(origin))


def test_a_proxy_is_believed_about_the_scheme_where_it_is_trusted(settings: Any) -> None:
    handshake = scope(f"https://{HOST}", "ws", x_forwarded_proto="https")
    assert not is_welcome(handshake)

    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # as TRUSTED_PROXIES has it

    assert is_welcome(handshake)
    assert not is_welcome(scope(f"http://{HOST}", "ws", x_forwarded_proto="https"))


def test_an_address_that_is_no_text_is_not_welcome() -> None:
    assert not is_welcome({**scope(None), "query_string": b"ticket=\xff"})


def status_of(live: str, url: str) -> int:
    """Return how the server refuses a handshake, whatever host the address names."""
    parts = urlsplit(live)
    with pytest.raises(InvalidStatus) as caught:
        connect(url, sock=socket.create_connection((parts.hostname, parts.port)))
    return int(caught.value.response.status_code)


def test_a_foreign_host_is_refused_on_every_socket(live: str) -> None:
    for pattern in websocket_urlpatterns:
        assert status_of(live, "ws://evil.example" + example(f"/{pattern.pattern}")) == 403


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/chats/x/", "/api/chats/", "/nowhere%0a", "/%00"])
def test_an_unknown_socket_is_refused(live: str, path: str) -> None:
    assert status_of(live, live.replace("http", "ws") + path) == 403


HANDSHAKE = head(
    "/ws/chats/", "GET", Connection="Upgrade", Upgrade="websocket",
    Sec_WebSocket_Version=13, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip
PARTS = [Frame(Opcode.TEXT, b"x" * 60_000, fin=False), *[Frame(Opcode.CONT, b"x" * 60_000, fin=False)] * 60]
CLOSE, TOO_BIG = b"\x88", (1009).to_bytes(2)


@pytest.mark.parametrize(
    "sent",
    [[Frame(Opcode.TEXT, b"x" * 3_000_000)], PARTS, [Frame(Opcode.TEXT, b"{}"), *PARTS]],
    ids=["whole", "in parts", "after another"],
)
def test_who_sends_too_large_a_message_reads_why_it_ends(live: str, sent: list[Frame]) -> None:
    with dial(live) as client:
        client.sendall(HANDSHAKE)
        assert b" 101 " in answer_start(client)
        for frame in sent:
            client.sendall(frame.serialize(mask=True))  # a connection that is reset is an error

        answers = everything(client)

    assert CLOSE in answers
    assert answers.rpartition(CLOSE)[2][1:].startswith(TOO_BIG)
