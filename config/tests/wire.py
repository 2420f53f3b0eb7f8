"""Requests byte by byte, for what no HTTP client would send."""

import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

PIECE = b"x" * 65_536


def dial(url: str) -> socket.socket:
    """Return a connection to the server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def head(path: str, method: str = "POST", **headers: Any) -> bytes:
    """Return a request up to its body."""
    sent = {"Host": "localhost", "Content-Type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in sent.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def everything(connection: socket.socket) -> bytes:
    """Return all that comes until the end; a connection that is reset is an error."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer


def answer_start(connection: socket.socket) -> bytes:
    """Return an answer's headers and what came with them."""
    answer = b""
    while b"\r\n\r\n" not in answer and (piece := connection.recv(65_536)):
        answer += piece
    return answer


def send_without_end(connection: socket.socket, piece: bytes) -> None:
    """Send until the server has had enough: then sending is an error."""
    while True:
        connection.sendall(piece)


def send_all(connection: socket.socket, size: int) -> None:
    """Send a body in chunks, whatever the server says of it meanwhile, as many clients do."""
    for _ in range(size // len(PIECE)):
        connection.sendall(chunk(PIECE))
    with suppress(OSError):
        connection.sendall(b"0\r\n\r\n")
