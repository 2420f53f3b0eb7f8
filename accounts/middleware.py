"""Django's authentication middleware, for browsers whose session row may have ended."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Session
from accounts.models.session import SESSION_KEY
from accounts.security.known_devices import remember_device
from common.async_lane import AuthenticationMiddleware

LAST_USE_STEP = timedelta(minutes=15)  # the list of devices needs no finer clock


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
