"""What a search takes, and what it answers."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from chats.models import Role
from common.drf import TextField
from search.documents import LAST_ID

MOST_CHARS = 500


class SearchQuery(serializers.Serializer[Any]):
    q = TextField(
        max_length=MOST_CHARS,
        help_text='words, prefixes (`word*`), "phrases", and `title:` `model:` `role:` `before:` `after:` `is:pinned` '
        "`in:archived`",
    )
    cursor = serializers.CharField(required=False, max_length=19, help_text="where to go on, from `next`")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100, default=20)

    def validate_cursor(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise serializers.ValidationError("This is not a cursor of a search.")
        return min(int(text), LAST_ID)


class FoundQuery(serializers.Serializer[Any]):
    """What the page's search box sends; a `current` that is no chat is none."""

    search = TextField(required=False, allow_blank=True, default="", max_length=MOST_CHARS)
    current = serializers.CharField(required=False, allow_blank=True, default="")
    end = serializers.IntegerField(required=False, min_value=0, max_value=LAST_ID, default=LAST_ID)

    def validate_current(self, text: str) -> UUID | None:
        try:
            return UUID(text)
        except ValueError:
            return None


class SnippetPartOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    marked = serializers.BooleanField(help_text="whether it is what was searched for")


class SearchResultOutput(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="`message`, `title` (of a chat) or `note`; others may come")
    id = serializers.UUIDField(help_text="of the message, chat or note")
    chat = serializers.UUIDField(allow_null=True, help_text="null where it is in none")
    message = serializers.UUIDField(allow_null=True, help_text="null where something else was found")
    title = serializers.CharField(help_text="of the chat or note")
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    created_at = serializers.DateTimeField()
    snippet = SnippetPartOutput(many=True, help_text="joined, the text around what was found, on one line")
