"""Parameters that could not mean anything are refused before anybody looks at them."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict

from accounts.oauth.errors import NotForm, OAuthRefusal
from common.text import is_storable

FORM = "application/x-www-form-urlencoded"
REPEATABLE = {"resource"}  # RFC 8707, 2


def require_form(request: HttpRequest) -> None:
    """Raise NotForm unless all parameters are in a form body, OAuthRefusal for repeated or unreadable ones."""
    try:
        if request.content_type != FORM or request.GET:
            raise NotForm()
        require_sane(request.POST)
    except BadRequest as error:  # another encoding than UTF-8
        raise NotForm() from error


def require_sane(given: QueryDict) -> None:
    """Raise OAuthRefusal for parameters given twice (RFC 6749, 3.1 and 3.2) and for NUL, which no database stores."""
    for name, values in given.lists():
        if len(values) > 1 and name not in REPEATABLE:
            raise OAuthRefusal(f"The parameter {name[:40]!r} is given more than once.")
        if not all(map(is_storable, (name, *values))):
            raise OAuthRefusal("A parameter contains NUL.")
