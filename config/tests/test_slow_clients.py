"""Who connects and dawdles, or sends headers without end, is sent away."""

import socket
from typing import Any
from urllib.parse import urlsplit


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def test_a_connection_that_says_nothing_is_closed(live: str, settings: Any) -> None:
    settings.HEADER_SECONDS = 0.3
    with connect(live) as silent:
        assert silent.recv(100) == b""


def test_headers_that_never_end_are_cut_off(live: str, settings: Any) -> None:
    settings.HEADER_SECONDS = 0.5
    with connect(live) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert slow.recv(100) == b""


def test_headers_beyond_the_limit_are_refused(live: str, settings: Any) -> None:
    settings.MAX_HEADER_BYTES = 4096
    with connect(live) as large:
        large.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        answer = b""
        for _ in range(200):
            try:
                large.sendall(b"X-Padding: " + b"x" * 1000 + b"\r\n")
            except OSError:
                break
        try:
            answer = large.recv(1000)
        except ConnectionResetError:
            return
        assert b"431" in answer


def test_a_body_that_does_not_come_is_a_408(live: str, settings: Any) -> None:
    settings.BODY_SECONDS = 0.3
    with connect(live) as slow:
        slow.sendall(b"POST /prompt_gpt/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in slow.recv(1000)


def test_an_ordinary_request_is_not_hurried(live: str, settings: Any) -> None:
    settings.HEADER_SECONDS = 0.3
    with connect(live) as client:
        for _ in range(3):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in client.recv(1000)
