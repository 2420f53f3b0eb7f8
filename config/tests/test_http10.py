"""Old clients (ApacheBench, a proxy left at its default) speak HTTP/1.0 and take no chunks."""

import json
import socket
from urllib.parse import urlsplit

import httpx

from chats.tests.helpers import fake
from conftest import Person


def answer_to(url: str, request: str) -> tuple[str, bytes]:
    """Return headers and body of the answer, which ends with the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as connection:
        connection.sendall(request.encode())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def test_a_stream_comes_without_chunks(alice: Person, live: str) -> None:
    body = json.dumps({"content": fake(chunks=["one ", "two"])})
    head, events = answer_to(
        live,
        f"POST /api/chats/{alice.chat()}/messages/ HTTP/1.0\r\nAuthorization: Bearer {alice.token}\r\n"
        f"Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}",
    )

    assert "transfer-encoding" not in head
    assert "connection: close" in head
    assert events.startswith(b"event: start\n")
    assert {line.split(b":")[0] for line in events.splitlines() if line} <= {b"event", b"id", b"data", b""}


def test_an_answer_in_one_piece_comes_as_it_is(live: str) -> None:
    head, body = answer_to(live, "GET /healthz HTTP/1.0\r\n\r\n")

    assert json.loads(body) == {"status": "ok"}
    assert "transfer-encoding" not in head


def test_newer_clients_get_chunks(alice: Person) -> None:
    headers = {"Accept": "text/event-stream"}
    url = f"/api/chats/{alice.chat()}/messages/"
    with alice.http.stream("POST", url, json={"content": fake(text="x")}, headers=headers) as answer:
        assert isinstance(answer, httpx.Response)
        assert answer.headers["transfer-encoding"] == "chunked"
