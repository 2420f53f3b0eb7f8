"""Django's own middleware, made to let the async lane through untouched.

A sync hook of a middleware is a thread hop under ASGI, and a request that has a thread keeps it for as long as its
response lasts. On the lane are the views that say `async_lane`; they check what they need themselves.
The classes subclass the stock ones, so that system checks, CSRF and the test clients see what they expect.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware as StockAuthentication
from django.contrib.messages.middleware import MessageMiddleware as StockMessages
from django.contrib.sessions.middleware import SessionMiddleware as StockSessions
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware as StockFrameOptions
from django.middleware.common import CommonMiddleware as StockCommon
from django.middleware.csrf import CsrfViewMiddleware as StockCsrf
from django.middleware.security import SecurityMiddleware as StockSecurity
from django.utils.deprecation import MiddlewareMixin

from common.errors import UnsupportedType
from common.view_options import options_for

IDENTITY = "identity"


class PassAsyncLane(MiddlewareMixin):
    """Mixin before a stock middleware: requests marked `async_lane` by our ASGI handler go straight on."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if getattr(request, "async_lane", False):
            return await self.get_response(request)  # type: ignore[misc, no-any-return]
        return await super().__acall__(request)


class SecurityMiddleware(PassAsyncLane, StockSecurity): ...


class SessionMiddleware(PassAsyncLane, StockSessions): ...


class CommonMiddleware(PassAsyncLane, StockCommon):
    """Of what the stock class does, the lane needs one thing: a foreign `Host` is refused.

    Both refuse bodies that are compressed: a small one may be endless when unpacked.
    """

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        options = options_for(request)
        if request.META.get("HTTP_CONTENT_ENCODING", IDENTITY).lower() != IDENTITY and not options.content_encoding:
            response = options.refusal_response(request, UnsupportedType("Send the body without Content-Encoding."))
            response["Accept-Encoding"] = IDENTITY
            return response
        if not getattr(request, "async_lane", False):
            return await super().__acall__(request)
        if not options.any_host:
            request.get_host()
        return await self.get_response(request)  # type: ignore[misc, no-any-return]


class AuthenticationMiddleware(PassAsyncLane, StockAuthentication): ...


class MessageMiddleware(PassAsyncLane, StockMessages): ...


class XFrameOptionsMiddleware(PassAsyncLane, StockFrameOptions): ...


class CsrfViewMiddleware(PassAsyncLane, StockCsrf):
    """`process_view` is async: a sync one would be a thread hop for every request."""

    async def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> Any:  # type: ignore[override]
        if getattr(request, "async_lane", False):
            return None
        return await sync_to_async(super().process_view)(request, callback, args, kwargs)
