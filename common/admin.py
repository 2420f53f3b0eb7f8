"""What the admin pages of several apps share."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Mixin: rows are made by the product alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
