"""What the admin pages of several apps share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common.sql import is_unstorable


class ReadOnly:
    """Mixin: rows are made by the product alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def with_checked_lookups(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Wrap a view of the admin: a look-up in its address with a value that cannot be looked up is a 400.

    The stock views ask the database with whatever stands there: year 0, a number of twenty digits, an address that is
    none.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Exception as error:
            is_value = isinstance(error, ValueError | ValidationError) or is_unstorable(error)
            if is_value and request.method == "GET" and request.GET:
                raise BadRequest from error
            raise

    return checked
