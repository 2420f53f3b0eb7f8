"""uvicorn's HTTP protocol with an end to patience: a connection that does not finish its headers is closed."""

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.http10 import answer_without_chunks

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ImpatientProtocol(HttpToolsProtocol):
    """Allows `settings.HEADER_SECONDS` from the connection, or from a request's first byte, to the end of its headers.

    Headers beyond `settings.MAX_HEADER_BYTES` are refused (431).

    uvicorn times idle connections between requests only; who connects and says nothing, or a byte a minute, would hold
    a connection for ever. (Bodies are timed by `config.handler`.)
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._due: asyncio.TimerHandle | None = None
        self._seen = 0  # bytes that came before the headers were complete
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        if self._due is not None:
            if self._seen > settings.MAX_HEADER_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()
                return
            self._seen += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        self._expect_nothing()
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0" and self.cycle is not None:
            answer_without_chunks(self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(settings.HEADER_SECONDS, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due, self._seen = None, 0
