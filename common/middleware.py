"""Middleware of our own: the correlation id that every answer, log line and problem document carries."""

import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="-")


class CorrelationMiddleware:
    """Names each request and sends the name back as `X-Request-ID`; personal answers are never cached."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        name = uuid.uuid4().hex
        request.correlation_id = name  # type: ignore[attr-defined]
        correlation_id.set(name)
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _named(answer, name)
        return self._later(answer, name)

    async def _later(self, answer: Awaitable[HttpResponseBase], name: str) -> HttpResponseBase:
        return _named(await answer, name)


def _named(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["X-Request-ID"] = name
    response.headers.setdefault("Cache-Control", "no-store")
    return response
