"""The one place where e-mail and password are compared, for every door that has a password field."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.security.known_devices import known_device
from accounts.security.network import client_info
from accounts.security.rate_limits import attempt_succeeded, count_attempt


class EmailBackend(ModelBackend):
    """Django's check (which hashes for unknown addresses too), behind the guessing limits.

    Raises TooManyAttempts, which `authenticate()` passes on.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        email = username if username is not None else kwargs.get("email")
        if email is None or password is None:
            return None
        client = client_info(request)
        attempt = email, client.network, known_device(client, email)
        count_attempt(*attempt)
        user = super().authenticate(request, username=email, password=password)
        if user is not None:
            attempt_succeeded(*attempt)
        return user
