"""The one way out: post JSON to a provider, read its stream of JSON objects."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from django.conf import settings
from yarl import URL

from common.json import ESCAPED
from common.loop_lag import JOIN, LoopLag, loop_lag
from common.off_loop import SMALL, off_loop
from llm.client.error_mapping import map_error
from llm.client.errors import EventTooLong, ProviderBusy, ProviderRefused
from llm.client.sessions import session
from llm.client.sse import OverlongEvent, Parser

DONE = b"[DONE]"
MAX_ERROR_BODY = 64 * 1024
# Long enough for the end of a body that is already on its way, too short to be noticed.
DRAIN_SECONDS = 0.2
ERROR_BODY_SECONDS = 2
MARGIN = 2**20  # bytes that an event may have beside the longest text
LARGE = 2**18  # bytes that take no more than a millisecond to parse
# Waiting mends neither a wrong address or header nor a wrong certificate.
MISCONFIGURED = (ValueError, aiohttp.NonHttpUrlClientError, aiohttp.ClientConnectorCertificateError)


class StreamCut(Exception):
    """The connection broke, or what came over it was no stream any more; the message is fit for the log."""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST. `url` is ready for the wire: whoever builds it quotes what is not theirs.

    `body` is called where there is time for it: a long conversation takes a while to put together.
    """

    provider: str
    url: str
    headers: dict[str, str]
    body: Callable[[], dict[str, Any]]
    size: int  # characters of the texts in it, about
    amended: "Callable[[str], Request | None]" = lambda refusal: None  # what to send once it was refused so
    accepted: Callable[[], None] = lambda: None  # told that it was not


async def json_objects(request: Request) -> AsyncGenerator[dict[str, Any], None]:
    """Yield each object of the reply's stream, up to `[DONE]` or the end of the body.

    The connection is closed the moment this generator is closed or its task cancelled; one
    read to its end goes back to the pool. Only connecting has a time-out. While the loop is
    behind, what comes within a moment is read, shown and sent on together. Raises StreamCut.
    """
    provider, response = request.provider, await _answer(request)
    del request  # the context of a whole conversation, which the reply may outlast by minutes
    with _stream_errors(provider), _reading(response) as loop, _noticing_loss(response) as lost:
        parser = Parser(max_event=ESCAPED * settings.MAX_REPLY_CHARS + MARGIN)
        async for chunk in response.content.iter_any():
            for payload in parser.feed(chunk):
                if payload == DONE:
                    for found in _outside(parser):
                        yield found
                    await _drain(response)
                    return
                value = _parsed(payload) if len(payload) <= LARGE else await asyncio.to_thread(_parsed, payload)
                if value.__class__ is dict:
                    yield value
                else:
                    for found in _objects(value):
                        yield found
            if loop.is_behind:
                await asyncio.sleep(JOIN)
        if lost:
            raise aiohttp.ClientPayloadError
        for payload in parser.flush():
            if payload != DONE:
                for found in _objects(_parsed(payload)):
                    yield found
        for found in _outside(parser):
            yield found


@contextmanager
def _reading(response: aiohttp.ClientResponse) -> Iterator[LoopLag]:
    """Count a stream in for as long as it is read, and close it whichever way that ends."""
    loop = loop_lag()
    loop.enter()
    try:
        yield loop
    finally:
        loop.leave()
        response.close()


@contextmanager
def _noticing_loss(response: aiohttp.ClientResponse) -> Iterator[list[bool]]:
    """End the body where its connection ends; the list is empty unless that was too soon.

    At a broken chunk aiohttp closes the connection and tells no reader of the body.
    """
    body, lost = response.content, list[bool]()
    protocol = response.connection.protocol if response.connection is not None else None
    closed = protocol.closed if protocol is not None else None

    def note_loss(_: object = None) -> None:
        if not body.is_eof() and body.exception() is None:
            lost.append(True)
            body.feed_eof()

    if closed is None:  # it has ended already
        note_loss()
        yield lost
        return
    closed.add_done_callback(note_loss)
    try:
        yield lost
    finally:
        closed.remove_done_callback(note_loss)


async def _answer(request: Request) -> aiohttp.ClientResponse:
    """Post a request, and once more where its refusal says what to leave out; raise what the provider says instead."""
    response = await _post(request)
    if response.status == 200:
        request.accepted()
        return response
    try:
        text = await _error_text(response)
    finally:
        response.close()
    if response.status in (400, 422) and (other := request.amended(text.decode("utf-8", "replace"))):
        return await _answer(other)
    raise map_error(request.provider, json_or_nothing(text), response.status, response.headers)


async def _post(request: Request) -> aiohttp.ClientResponse:
    with connection_errors(request.provider):
        return await session().post(
            URL(request.url, encoded=True),
            data=await off_loop(request.size, _encoded, request),
            headers={"Content-Type": "application/json", **request.headers},
            allow_redirects=False,
        )


@contextmanager
def connection_errors(provider: str) -> Iterator[None]:
    """Give what goes wrong before there is an answer our name, keeping the cause."""
    try:
        yield
    except MISCONFIGURED as error:
        raise ProviderRefused(provider, type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderBusy(provider, type(error).__name__) from error


def _encoded(request: Request) -> bytes | io.BytesIO:
    """Large bodies are encoded and sent piece by piece, so that they do not hold up the loop."""
    if request.size <= SMALL:
        return orjson.dumps(request.body())
    return io.BytesIO(b"".join(list(_pieces(request.body()))))  # which joins megabytes without the interpreter's lock


def _pieces(body: dict[str, Any]) -> Iterator[bytes]:
    """Encode an object, its lists item by item."""
    before = b"{"
    for name, value in body.items():
        yield before + orjson.dumps(name) + b":"
        if isinstance(value, list):
            yield b"["
            for number, item in enumerate(value):
                yield b"," * (number > 0) + orjson.dumps(item)
            yield b"]"
        else:
            yield orjson.dumps(value)
        before = b","
    yield b"}"


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read on to the end, so that the connection can serve the next request; what comes is ignored."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in response.content.iter_any():
                pass
    except (aiohttp.ClientError, OSError):
        pass  # The reply was whole before this; TimeoutError is an OSError.


@contextmanager
def _stream_errors(provider: str) -> Iterator[None]:
    """Give what goes wrong inside a stream our name, keeping the cause."""
    try:
        yield
    except OverlongEvent as error:
        raise EventTooLong(provider) from error
    except (aiohttp.ClientError, OSError, TypeError, ValueError, RecursionError) as error:
        raise StreamCut(type(error).__name__) from error


def _parsed(payload: bytes) -> Any:
    """Parse one payload; half a surrogate pair or a broken byte must not lose the rest of it."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload.decode("utf-8", "replace"))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in what was parsed; Gemini may send a list of them, and others nonsense to keep a line busy."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each


def _outside(parser: Parser) -> Iterator[dict[str, Any]]:
    """Yield the objects that came outside of events: an error, a whole completion, or one object a line."""
    if not parser.strays or not parser.strays[0].lstrip().startswith((b"{", b"[")):
        return
    try:
        yield from _objects(_parsed(b"\n".join(parser.strays)))
    except ValueError:
        for line in parser.strays:
            with suppress(ValueError):
                yield from _objects(_parsed(line))


async def _error_text(response: aiohttp.ClientResponse) -> bytes:
    """Read as much of an error as is reasonable; without it the status has to do."""
    try:
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            return await response.content.readexactly(MAX_ERROR_BODY)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except (aiohttp.ClientError, OSError):
        return b""


def json_or_nothing(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
