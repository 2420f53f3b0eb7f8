"""Middleware of our own: the correlation id that every answer, log line and problem document carries."""

import re
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="-")
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def name_request(told: str = "") -> str:
    """Give what this task serves its correlation id, and return it: a trusted proxy's, or one of our own."""
    is_kept = settings.TRUSTED_PROXIES and WELL_FORMED.fullmatch(told)
    name = told if is_kept else uuid.uuid4().hex
    correlation_id.set(name)
    return name


class CorrelationMiddleware:
    """Names each request and sends the name back as `X-Request-ID`; personal answers are never cached."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        name = name_request(request.META.get("HTTP_X_REQUEST_ID", ""))
        request.correlation_id = name  # type: ignore[attr-defined]
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
