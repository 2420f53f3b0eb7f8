"""Django's middleware for browsers that are signed in: by a row that may have ended, from our own pages only."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Session
from accounts.models.session import SESSION_KEY
from accounts.security.known_devices import remember_device
from accounts.security.origins import is_own_origin
from common.async_lane import AuthenticationMiddleware, CsrfViewMiddleware

LAST_USE_STEP = timedelta(minutes=15)  # the list of devices needs no finer clock

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


class OwnOriginMiddleware(CsrfViewMiddleware):
    """Django's check of forms, and beside it all else that a browser says of the page that a form was sent from."""

    async def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> Any:  # type: ignore[override]
        answer = await super().process_view(request, callback, args, kwargs)
        is_exempt = request.method in SAFE_METHODS or getattr(callback, "csrf_exempt", False)
        if answer is None and not is_exempt and not is_own_origin(request):
            raise PermissionDenied
        return answer


class SessionAuthenticationMiddleware(AuthenticationMiddleware):
    """Signs a browser out as soon as its session row has ended, wherever that was done; lazily, in the stock way."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(partial(_user_of, request))  # type: ignore[assignment]
        request.auser = partial(sync_to_async(_user_of), request)  # type: ignore[assignment]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Let a browser be known as a device of the account that it has just been signed in to."""
        if email := getattr(request, "_parley_device_of", ""):
            remember_device(response, email)
        return response


def _user_of(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    if not hasattr(request, "_parley_user"):
        user = get_user(request)
        request._parley_user = user if user.is_anonymous or _is_alive(request, user) else AnonymousUser()  # type: ignore[attr-defined]
    return request._parley_user  # type: ignore[attr-defined, no-any-return]


def _is_alive(request: HttpRequest, user: AbstractBaseUser) -> bool:
    name = request.session.get(SESSION_KEY)
    session = Session.objects.alive().filter(pk=UUID(name), user=user.pk).first() if name else None
    if session is not None and timezone.now() - session.last_used_at > LAST_USE_STEP:
        Session.objects.filter(pk=session.pk).update(last_used_at=timezone.now())
    return session is not None
