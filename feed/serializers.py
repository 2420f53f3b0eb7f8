"""What the feed takes, and what it answers."""

import re
from typing import Any

from rest_framework import serializers

from chats.models import Change
from chats.services.change_log import Position

_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)
NO_CURSOR = "This is not a cursor of the change log."


def read_cursor(text: str) -> Position | None:
    """Return the place that a cursor names; None for what is no cursor."""
    found = _CURSOR.fullmatch(text)
    return Position(int(found[1]), int(found[2])) if found else None


def cursor_text(place: Position) -> str:
    return f"{place.xid}.{place.id}"


class CursorField(serializers.CharField):
    """A cursor that an earlier answer gave."""

    def to_internal_value(self, data: Any) -> Position:  # type: ignore[override]
        place = read_cursor(str(data))
        if place is None:
            raise serializers.ValidationError(NO_CURSOR)
        return place


class ChangesQuery(serializers.Serializer[Any]):
    after = CursorField(required=False, default=None, help_text="where to go on; without it, from now on")
    wait = serializers.IntegerField(
        required=False, min_value=0, max_value=60, default=0, help_text="seconds to wait for the first change"
    )
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200, default=50)


class ChangeOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="the cursor after this change")
    kind = serializers.ChoiceField(Change.Kind.choices)
    chat = serializers.UUIDField(allow_null=True)
    message = serializers.UUIDField(allow_null=True)
    file = serializers.UUIDField(allow_null=True, help_text="of a `file`, which has no chat")
    at = serializers.DateTimeField()


class ChangesOutput(serializers.Serializer[Any]):
    results = ChangeOutput(many=True)
    next = serializers.CharField(help_text="the cursor to go on from")
    more = serializers.BooleanField(help_text="whether there are more already")
