"""Django's ASGI handler, with bounded bodies everywhere and no thread on the streaming paths."""

import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from common.async_lane import on_async_lane
from common.errors import BodyTooLarge, ParleyError
from config.errors import refuse

CHAT_BODY = re.compile(r"/api/chat(/|$)|/v1/")


Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SlowBody(ParleyError):
    status, code, title = 408, "body_timeout", "The body of the request did not arrive in time."


class AsyncLaneRequest(ASGIRequest):
    """A request on the fast lane; `common.async_lane` lets it through."""

    async_lane = True
    refusal: ParleyError | None = None


class Handler(ASGIHandler):
    """Serves `settings.ASYNC_LANE_PATHS` without request signals or thread context, everything else as Django does."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive)
        except RequestAborted:
            return
        except ParleyError as refusal:
            await self.refuse(scope, refusal, send)
            return
        if on_async_lane(scope["path"]):
            await self.serve_async(scope, body, receive, send)
        else:
            await super().__call__(scope, _replay(body, receive), send)

    async def refuse(self, scope: Any, refusal: ParleyError, send: Send) -> None:
        """Answer what will not be read, through the middleware: it names the answer and lets front ends see it."""
        try:
            request = AsyncLaneRequest(scope, io.BytesIO())
            request.refusal = refusal
            response: HttpResponseBase = await self.run_get_response(request)
        except UnicodeDecodeError:
            response = HttpResponseBadRequest()
        response["Connection"] = "close"
        await self.send_response(response, send)

    async def _get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if refusal := getattr(request, "refusal", None):
            return refuse(request, refusal)
        return await super()._get_response_async(request)  # type: ignore[misc, no-any-return]

    async def serve_async(self, scope: Any, body: bytes, receive: Receive, send: Send) -> None:
        """Run the view in this task; a disconnect cancels it."""
        set_script_prefix(scope.get("root_path") or "/")
        try:
            request = AsyncLaneRequest(scope, io.BytesIO(body))
        except UnicodeDecodeError:
            await self.send_response(HttpResponseBadRequest(), send)
            return
        serving = asyncio.current_task()
        assert serving is not None
        watching = asyncio.create_task(_cancel_on_disconnect(receive, serving))
        response = None
        try:
            response = await self.run_get_response(request)
            # A stream need not hold on to its request.
            response._resource_closers.remove(request.close)  # type: ignore[attr-defined]
            request.close()
            del request
            await self.send_response(response, send)
        except asyncio.CancelledError:
            pass  # the reader left, or the server is stopping and has waited for long enough
        finally:
            watching.cancel()
            for close in getattr(response, "_resource_closers", ()):
                close()


async def _cancel_on_disconnect(receive: Receive, serving: "asyncio.Task[Any]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    serving.cancel()


async def read_body(scope: Any, receive: Receive) -> bytes:
    """Return the whole body; refuse one that is too large (413) or too slow (408) without keeping the excess."""
    limit = settings.MAX_CHAT_BODY_BYTES if CHAT_BODY.match(scope["path"]) else settings.MAX_BODY_BYTES
    limit = settings.AVATAR_MAX_BYTES + 65_536 if "avatar" in scope["path"] else limit
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise BodyTooLarge()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(_bounded(message.get("body", b""), limit))
    try:
        async with asyncio.timeout(settings.BODY_SECONDS):
            return await _read_rest(message, receive, limit)
    except TimeoutError as error:
        raise SlowBody() from error


async def _read_rest(message: Any, receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise RequestAborted()
        body += message.get("body", b"")
        _bounded(body, limit)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _bounded(body: bytes | bytearray, limit: int) -> bytes | bytearray:
    if len(body) > limit:
        raise BodyTooLarge()
    return body


def _replay(body: bytes, receive: Receive) -> Any:
    """Hand a body that was read already to Django's own handler, then the connection's real events."""
    first = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> Any:
        return next(first, None) or await receive()

    return again
