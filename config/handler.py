"""Django's ASGI handler, with bounded bodies everywhere and no thread on the streaming paths."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver, set_script_prefix

from common.errors import BodyTooLarge, ParleyError
from common.off_loop import off_loop
from common.view_options import options_for, options_of
from common.views import EventStream

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SlowBody(ParleyError):
    status, code, title = 408, "body_timeout", "The body of the request did not arrive in time."


class ResolvedRequest(ASGIRequest):
    """A request whose view was found before its body was read; a scope outlives its request, and need not keep it."""

    def __init__(self, scope: Any, body: io.BytesIO) -> None:
        super().__init__(scope, body)
        self.resolver_match = scope.pop("resolver_match")


class AsyncLaneRequest(ResolvedRequest):
    """A request on the async lane; `common.async_lane` lets it through."""

    async_lane = True
    refusal: ParleyError | None = None

    @staticmethod
    def close() -> None:
        """Close nothing: a method of the request would have the response, which calls this, hold on to all of it."""


class Handler(ASGIHandler):
    """Serves views with `async_lane` without request signals or thread context, everything else as Django does."""

    request_class = ResolvedRequest

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        scope["resolver_match"] = get_resolver().resolve(scope["path"].removeprefix(scope.get("root_path", "")))
        options = options_of(scope["resolver_match"].func)
        try:
            body = io.BytesIO(await read_body(scope, receive, getattr(settings, options.max_body)))
        except RequestAborted:
            return
        except ParleyError as refusal:
            await self.refuse(scope, refusal, send)
            return
        if options.async_lane:
            await self.serve_async(scope, body, receive, send)
        else:
            await super().__call__(scope, _replay(body.getvalue(), receive), send)

    def resolve_request(self, request: Any) -> Any:
        """Return what was resolved already, or in its stead a view that refuses what will not be read."""
        if getattr(request, "refusal", None):
            return _refused, (), {}
        return request.resolver_match

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

    async def serve_async(self, scope: Any, body: io.BytesIO, receive: Receive, send: Send) -> None:
        """Run the view in this task; a disconnect cancels it."""
        set_script_prefix(scope.get("root_path") or "/")
        try:
            request = AsyncLaneRequest(scope, body)
        except UnicodeDecodeError:
            await self.send_response(HttpResponseBadRequest(), send)
            return
        serving = asyncio.current_task()
        assert serving is not None
        watching = asyncio.create_task(_cancel_on_disconnect(receive, serving))
        response = None
        try:
            response = await self.run_get_response(request)
            del request  # a stream need not hold on to it
            body.close()
            await self.send_response(response, send)
        except asyncio.CancelledError:
            pass  # the reader left, or the server is stopping and has waited for long enough
        finally:
            watching.cancel()
            if isinstance(response, EventStream):
                response.close()


async def _refused(request: AsyncLaneRequest) -> HttpResponse:
    assert request.refusal is not None
    return options_for(request).refusal_response(request, request.refusal)


async def _cancel_on_disconnect(receive: Receive, serving: "asyncio.Task[Any]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    serving.cancel()


async def read_body(scope: Any, receive: Receive, limit: int) -> bytes:
    """Return the whole body; refuse one that is too large (413) or too slow (408) without keeping the excess."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise BodyTooLarge()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge()
        return body
    try:
        async with asyncio.timeout(settings.BODY_SECONDS):
            return await _read_rest(message, receive, limit)
    except TimeoutError as error:
        raise SlowBody() from error


async def _read_rest(message: Any, receive: Receive, limit: int) -> bytes:
    chunks, size = list[bytes](), 0
    while True:
        if message["type"] == "http.disconnect":
            raise RequestAborted()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge()
        if not message.get("more_body"):
            return await off_loop(size, b"".join, chunks)  # which lets other threads run
        message = await receive()


def _replay(body: bytes, receive: Receive) -> Any:
    """Hand a body that was read already to Django's own handler, then the connection's real events."""
    first = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> Any:
        return next(first, None) or await receive()

    return again
