"""What our HTML pages may load and do (Content-Security-Policy)."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common.view_options import options_for

_FRAME = "base-uri 'none'; frame-ancestors 'none'"
_OWN = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'"
STRICT = f"{_OWN}; manifest-src 'self'; form-action 'self'; {_FRAME}"
FORM_LEADS_ELSEWHERE = f"{_OWN}; {_FRAME}"
# Pages that are not ours.
ADMIN = f"default-src 'self'; img-src 'self' data:; object-src 'none'; form-action 'self'; {_FRAME}"
SWAGGER = f"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; {_FRAME}"


class ContentSecurityPolicyMiddleware:
    """Sends the policy of the view with every HTML page that does not bring one of its own."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _guarded(request, answer)
        return self._later(request, answer)

    async def _later(self, request: HttpRequest, answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _guarded(request, await answer)


def _guarded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault("Content-Security-Policy", options_for(request).content_security_policy or STRICT)
    return response
