"""What the addresses of notes answer, for the schema; the answers are made by `notes.payloads`."""

from typing import Any

from rest_framework import serializers

from notes.models import Source


class NoteSummaryOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    excerpt = serializers.CharField(help_text="the first 200 characters, on one line")
    length = serializers.IntegerField(help_text="characters of the whole content")
    tags = serializers.ListField(child=serializers.CharField())
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NoteOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    content = serializers.CharField(help_text="Markdown, from `offset` on")
    length = serializers.IntegerField(help_text="characters of the whole content")
    truncated = serializers.BooleanField(help_text="whether content is left out at the end")
    next_offset = serializers.IntegerField(allow_null=True, help_text="where to go on reading")
    tags = serializers.ListField(child=serializers.CharField())
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]
    source_url = serializers.CharField()
    source_message = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
