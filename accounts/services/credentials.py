"""Passwords: who may use them, and what they may be."""

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.errors import InvalidCredentials, WrongPassword
from accounts.models import User
from accounts.security.known_devices import known_device
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import attempt_succeeded, count_attempt
from common.errors import Invalid

# Longer than anybody's, short enough that hashing it costs nothing extra.
MAX_PASSWORD = 4096
SIGNED_IN = "signed in"  # a live session knows its account as well as a cookie does


def check_credentials(email: str, password: str, request: HttpRequest | None) -> User:
    """Return the active user with this address and password, else raise InvalidCredentials or TooManyAttempts."""
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials()
    return user


def require_password(user: User, password: str, client: ClientInfo, field: str) -> None:
    """Ask a signed-in user for the password again; raise WrongPassword for that field, or TooManyAttempts."""
    attempt = user.email, client.network, known_device(client, user.email) or SIGNED_IN
    count_attempt(*attempt)
    if not user.check_password(password):
        raise WrongPassword(field)
    attempt_succeeded(*attempt)


def require_good_password(password: str, user: User, field: str = "password") -> None:
    """Raise Invalid for a password that is too short, too common, or too near to the user's own names."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(errors={field: error.messages}) from error
