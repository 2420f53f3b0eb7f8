"""Cursor pages over rows whose id sorts by time."""

from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """`{next, previous, results}`; a cursor that is none of ours leads to no page, and never into the database."""

    ordering = "-id"
    page_size = settings.PAGE_SIZE
    max_page_size = settings.PAGE_SIZE_MAX
    page_size_query_param = "page_size"

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor: Any = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                UUID(cursor.position)
            except ValueError as error:
                raise NotFound(self.invalid_cursor_message) from error
        return cursor  # type: ignore[no-any-return]
