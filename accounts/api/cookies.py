"""The refresh cookie: the only place where a refresh token exists."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.services.sessions import Tokens

PATH = "/api/"


def refresh_cookie(request: HttpRequest) -> str:
    """Return what the client sent, or an empty string."""
    return request.COOKIES.get(settings.REFRESH_COOKIE, "")


def set_refresh_cookie(response: HttpResponseBase, tokens: Tokens) -> None:
    """Hand the refresh token over, for as long as the session can last."""
    response.set_cookie(
        settings.REFRESH_COOKIE,
        tokens.refresh,
        max_age=max(0, int((tokens.expires_at - timezone.now()).total_seconds())),
        path=PATH,
        secure=not settings.DEBUG,
        httponly=True,
        samesite="Lax",
    )


def clear_refresh_cookie(response: HttpResponseBase) -> None:
    """Take the cookie back; attributes are repeated, else browsers keep it."""
    response.set_cookie(
        settings.REFRESH_COOKIE,
        "",
        max_age=0,
        expires="Thu, 01 Jan 1970 00:00:00 GMT",
        path=PATH,
        secure=not settings.DEBUG,
        httponly=True,
        samesite="Lax",
    )
