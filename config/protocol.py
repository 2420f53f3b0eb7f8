"""uvicorn's protocols with an end to patience, and with our headers on what they answer themselves."""

import asyncio
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS, Response
from websockets.server import ServerProtocol

from config.http10 import answer_without_chunks
from config.response_headers import Headers, server_headers

LINGER_SECONDS = 2.0


class ImpatientProtocol(HttpToolsProtocol):
    """Allows `settings.HEADER_SECONDS` from the connection, or from a request's first byte, to the end of its headers.

    Headers beyond `settings.MAX_HEADER_BYTES` are refused (431), and so are trailers: what is no body counts.

    uvicorn times idle connections between requests only; who connects and says nothing, or a byte a minute, would hold
    a connection for ever. (Bodies are timed by `config.bodies`; what comes of one after the answer is timed here.)
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._due: asyncio.TimerHandle | None = None
        self._seen = 0  # bytes that came since the last headers or piece of a body
        self._answering: Any = None  # the cycle of the request whose answer is due next
        self._refusal: tuple[HTTPStatus, str] | None = None  # of what came after the requests that are still answered
        self._expect(settings.HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._refusal:
            return
        self._seen += len(data)
        super().data_received(data)
        if self._seen > settings.MAX_HEADER_BYTES and not self._refusal:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect(settings.HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        self._expect_nothing()
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0" and self.cycle is not None:
            answer_without_chunks(self.cycle)

    def on_body(self, body: bytes) -> None:
        self._seen = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._expect_nothing()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.more_body:
            self._expect(settings.BODY_SECONDS)
        super().on_response_complete()
        if self._refusal and not self.transport.is_closing():
            self._answer_refusal(*self._refusal)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        lines = [self.url, *(name + value for name, value in self.headers)]
        if len(lines) > MAX_NUM_HEADERS or max(map(len, lines)) > MAX_LINE_LENGTH - 32:  # `websockets` would hang up
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, text: str = "") -> None:
        """Take nothing more, and say so once the whole requests that came before have their answers."""
        self._refusal = status, text
        self._expect_nothing()
        broken = self.cycle if self.cycle and self.cycle.more_body else None
        if self.pipeline and self.pipeline[0][0] is broken:
            self.pipeline.popleft()
        elif broken and broken.response_started and not broken.response_complete:
            self.transport.close()  # this one's answer is on its way
            return
        elif broken:
            broken.disconnected = True
            broken.message_event.set()
        self._answer_refusal(status, text)

    def _answer_refusal(self, status: HTTPStatus, text: str) -> None:
        """Answer, and read on for a while: closing on unread bytes would reset the connection, and lose the answer."""
        at_work = self._answering
        if self.pipeline or (at_work and not at_work.response_complete and not at_work.disconnected):
            return
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), b"content-type: text/plain; charset=utf-8"]
        lines += [b"content-length: %d" % len(text), b"connection: close"]
        lines += [name + b": " + value for name, value in server_headers(self.scheme or "http")]
        self.transport.write(b"\r\n".join([*lines, b"", text.encode("ascii")]))
        self._unset_keepalive_if_required()
        self._expect_nothing()  # of a body that does not come
        self._expect(LINGER_SECONDS)

    def _expect(self, seconds: float) -> None:
        if self._due is None:
            self._due = self.loop.call_later(seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        self._seen = 0
        if self._due is not None:
            self._due.cancel()
            self._due = None


class SocketProtocol(WebSocketsSansIOProtocol):
    """Holds no message beyond `settings.MAX_FRAME_BYTES`, and refuses handshakes with our headers."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.conn = handshake = _Handshake(max_size=settings.MAX_FRAME_BYTES, logger=self.logger)
        handshake.own_headers = server_headers(self.scheme)
        self._is_failed = False

    def data_received(self, data: bytes) -> None:
        if not self._is_failed:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Say why the connection ends, and read on for a while, or until the client has ended it on its side.

        Closing on unread bytes would reset the connection, and lose what was said.
        """
        said = self.conn.close_sent
        assert said is not None
        self._is_failed = self.close_sent = True
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": said.code, "reason": said.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.close_timer is None:  # else the consumer had closed already
            self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)


class _Handshake(ServerProtocol):
    own_headers: Headers

    def reject(self, status: Any, text: str) -> Response:
        response = super().reject(status, text)
        response.headers.update((name.decode(), value.decode()) for name, value in self.own_headers)
        return response
