"""A browser that signs in by Django's own means, on our pages or in the admin, is a session like any other."""

from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import Session, User
from accounts.models.session import SESSION_KEY
from accounts.security.network import client_info
from accounts.services.sessions import start_session
from accounts.signals import account_deleting
from common.models import Task


@receiver(user_logged_in)
def bind_session(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Start a session row and bind the browser's session to it; the middleware marks the device as known."""
    if request is not None and hasattr(request, "session"):
        request._parley_device_of = user.email  # type: ignore[attr-defined]
        request.session[SESSION_KEY] = start_session(user, client_info(request), Session.Kind.PAGE).pk.hex


@receiver(user_logged_out)
def end_session(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    """End the row with the browser's session."""
    if request is not None and (name := getattr(request, "session", {}).get(SESSION_KEY)):
        Session.objects.filter(pk=UUID(name)).end("signed_out")


@receiver(account_deleting)
def forget_tasks(sender: Any, user_id: int, **kwargs: Any) -> None:
    """Drop what waits to be done for an account, with the addresses that it names."""
    Task.objects.filter(user_id=user_id).delete()
