"""What the doors of notes take: REST, the pages, and tools that others build on `notes.services`."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from chats.wire.fields import ContentField
from common.drf import TextField
from notes.text import MAX_TAG, MAX_TITLE, normal_tags, tags_problem

MAX_URL = 2000


class TagsField(serializers.ListField):
    """A list of short strings; kept in lower case, words joined by "-", each once."""

    child = TextField(max_length=2 * MAX_TAG)

    def to_internal_value(self, data: Any) -> list[str]:
        tags = normal_tags(super().to_internal_value(data))
        if problem := tags_problem(tags):
            raise serializers.ValidationError(problem)
        return tags


class WebAddressField(TextField):
    """An http or https address. It is kept and shown, never fetched."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_URL, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text and not _is_web_address(text):
            raise serializers.ValidationError("Enter an address that begins with https:// or http://.")
        return text


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text
    except ValueError:
        return False


class NoteInput(serializers.Serializer[Any]):
    content = ContentField(help_text="Markdown")
    title = TextField(
        required=False, allow_blank=True, max_length=MAX_TITLE, default="", help_text="else the first heading or line"
    )
    tags = TagsField(required=False, default=list)
    source_url = WebAddressField(required=False, allow_blank=True, default="", help_text="where it was found")


class NoteChangeInput(serializers.Serializer[Any]):
    content = ContentField(required=False, help_text="takes the place of the whole content")
    title = TextField(required=False, allow_blank=True, max_length=MAX_TITLE, help_text="empty: derived again")
    tags = TagsField(required=False)


class NotesQuery(serializers.Serializer[Any]):
    search = TextField(
        required=False, allow_blank=True, max_length=200, default="", help_text="words that all occur in the note"
    )
    tag = TextField(required=False, allow_blank=True, max_length=2 * MAX_TAG, default="")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200)
    cursor = TextField(required=False, allow_blank=True, max_length=1000, default="")


class NoteQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31, default=0, help_text="characters of the content to leave out"
    )
