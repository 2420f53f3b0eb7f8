"""Django's ASGI handler, with bounded bodies everywhere and no thread on the streaming paths."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.urls import get_resolver, set_script_prefix

from common.errors import BodyTooLarge, NotSignedIn, ParleyError
from common.problems import refusal_of
from common.requests import TextRequest, require_text
from common.view_options import ViewOptions, options_of
from common.views import EventStream
from config.bodies import declared_length, read_body, read_upload, throw_away
from config.errors import refusal_answer

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class ResolvedRequest(TextRequest):
    """A request whose view was found before its body was read; a scope outlives its request, and need not keep it."""

    def __init__(self, scope: Any, body: BinaryIO) -> None:
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
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        # `OPTIONS *` is about the server as a whole (RFC 9110, 9.3.7); nothing of ours is, and "/" + "*" is not found.
        scope["resolver_match"] = get_resolver().resolve(path if path.startswith("/") else f"/{path}")
        scope["route"] = scope["resolver_match"].route  # kept after the request has taken the match
        options = options_of(scope["resolver_match"].func)
        try:
            if not options.any_query:
                require_text(scope)
            most, admit = getattr(settings, options.max_body), partial(_admit, scope, options)
            if options.uploads and scope["method"] == "POST":
                body: BinaryIO = await read_upload(scope, receive, most, admit)
            else:
                body = io.BytesIO(await read_body(scope, receive, most, admit))
        except RequestAborted:
            return
        except ParleyError as error:
            refusal = error.with_traceback(None)  # its frames would keep one another alive
        else:
            if options.async_lane:
                await self.serve_async(scope, body, receive, send)
            else:
                await super().__call__(scope, _replay(body.read(), receive), send)
            return
        await self.refuse(scope, refusal, receive, send)

    def resolve_request(self, request: Any) -> Any:
        """Return what was resolved already, or in its stead a view that refuses what will not be read."""
        if getattr(request, "refusal", None):
            return _refused, (), {}
        return request.resolver_match

    async def refuse(self, scope: Any, refusal: ParleyError, receive: Receive, send: Send) -> None:
        """Answer what will not be read, through the middleware: it names the answer and lets front ends see it."""
        request = AsyncLaneRequest({**scope, "query_string": b""}, io.BytesIO())
        request.refusal = refusal
        response = await self.run_get_response(request)
        assert isinstance(response, HttpResponse), "refusals are no streams"
        response["Connection"], response["Content-Length"] = "close", str(len(response.content))
        await self.send_response(response, lambda message: send({**message, "more_body": True}))
        await throw_away(receive)
        await send({"type": "http.response.body"})

    async def serve_async(self, scope: Any, body: BinaryIO, receive: Receive, send: Send) -> None:
        """Run the view in this task; a disconnect cancels it."""
        set_script_prefix(scope.get("root_path") or "/")
        request = AsyncLaneRequest(scope, body)
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


async def _admit(scope: Any, options: ViewOptions) -> None:
    """Let nobody send a large body but who is signed in, in the way of the view."""
    request = AsyncLaneRequest({**scope}, io.BytesIO())
    try:
        await options.authenticate(request)
    except Exception as error:
        refusal = refusal_of(request, error)
        is_small = options.uploads and declared_length(scope) <= settings.MAX_BODY_BYTES  # and not read all the same
        raise BodyTooLarge() if type(refusal) is NotSignedIn and not is_small else refusal from None


async def _refused(request: AsyncLaneRequest) -> HttpResponse:
    assert request.refusal is not None
    return refusal_answer(request, request.refusal)


async def _cancel_on_disconnect(receive: Receive, serving: "asyncio.Task[Any]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    serving.cancel()


def _replay(body: bytes, receive: Receive) -> Any:
    """Hand a body that was read already to Django's own handler, then the connection's real events."""
    first = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> Any:
        return next(first, None) or await receive()

    return again
