"""The one way out: post JSON to a provider, read its stream of JSON objects."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from common.loop_lag import JOIN, LoopLag, loop_lag
from common.off_loop import SMALL, off_loop
from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken, ProviderBusy, ProviderRefused
from llm.client.sessions import session
from llm.client.sse import Parser

DONE = b"[DONE]"
MAX_ERROR_BODY = 64 * 1024
# Long enough for the end of a body that is already on its way, too short to be noticed.
DRAIN_SECONDS = 0.2
ERROR_BODY_SECONDS = 2
# Waiting mends neither a wrong address or header nor a wrong certificate.
MISCONFIGURED = (ValueError, aiohttp.NonHttpUrlClientError, aiohttp.ClientConnectorCertificateError)


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


async def json_objects(request: Request) -> AsyncGenerator[dict[str, Any], None]:
    """Yield each object of the reply's stream, up to `[DONE]` or the end of the body.

    The connection is closed the moment this generator is closed or its task cancelled; one
    read to its end goes back to the pool. Only connecting has a time-out. While the loop is
    behind, what comes within a moment is read, shown and sent on together.
    """
    provider, response = request.provider, await _post(request)
    del request  # the context of a whole conversation, which the reply may outlast by minutes
    with _stream_errors(provider), _reading(response) as loop:
        if response.status != 200:
            raise await _refusal(provider, response)
        parser = Parser()
        async for chunk in response.content.iter_any():
            for payload in parser.feed(chunk):
                if payload == DONE:
                    await _drain(response)
                    return
                yield _parsed(payload)
            if loop.is_behind:
                await asyncio.sleep(JOIN)
        for payload in parser.flush():
            if payload != DONE:
                yield _parsed(payload)


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


async def _post(request: Request) -> aiohttp.ClientResponse:
    try:
        return await session().post(
            URL(request.url, encoded=True),
            data=await off_loop(request.size, _encoded, request),
            headers={"Content-Type": "application/json", **request.headers},
            allow_redirects=False,
        )
    except MISCONFIGURED as error:
        raise ProviderRefused(request.provider, type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderBusy(request.provider, type(error).__name__) from error


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
    except (aiohttp.ClientError, OSError, TypeError, ValueError, RecursionError) as error:
        raise ProviderBroken(provider, type(error).__name__) from error


def _parsed(payload: bytes) -> dict[str, Any]:
    """Parse one payload; half a surrogate pair or a broken byte must not lose the rest of it."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        value = json.loads(payload.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


async def _refusal(provider: str, response: aiohttp.ClientResponse) -> Exception:
    return map_error(provider, await _error_body(response), response.status, response.headers)


async def _error_body(response: aiohttp.ClientResponse) -> Any:
    """Read as much of an error as is reasonable; without it the status has to do."""
    try:
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            return orjson.loads(await _at_most(response, MAX_ERROR_BODY))
    except (aiohttp.ClientError, OSError, ValueError):
        return None


async def _at_most(response: aiohttp.ClientResponse, size: int) -> bytes:
    try:
        return await response.content.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial
