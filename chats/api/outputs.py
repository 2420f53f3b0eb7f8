"""What the REST doors answer, for the schema; the answers themselves are made by `chats.wire.payloads`."""

from typing import Any

from rest_framework import serializers

from chats.models import Role, State


class LatestMessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField(help_text="the first 200 characters")
    state = serializers.ChoiceField(State.choices)
    created_at = serializers.DateTimeField()


class ChatOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    client_id = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    model = serializers.CharField()
    head = serializers.UUIDField(allow_null=True)
    pinned = serializers.BooleanField()
    archived = serializers.BooleanField()
    latest_message = LatestMessageOutput(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TokensOutput(serializers.Serializer[Any]):
    prompt = serializers.IntegerField(allow_null=True)
    completion = serializers.IntegerField(allow_null=True)


class SiblingsOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    count = serializers.IntegerField()


class MessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    client_id = serializers.CharField(allow_null=True)
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField()
    reasoning = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField()
    model = serializers.CharField()
    provider = serializers.CharField()
    tokens = TokensOutput()
    siblings = SiblingsOutput()
    created_at = serializers.DateTimeField()
    content_html = serializers.CharField(required=False, help_text="sanitised; only with ?html=1")


class MessagesPageOutput(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = MessageOutput(many=True)


class TurnOutput(serializers.Serializer[Any]):
    question = MessageOutput()
    reply = MessageOutput()


class HistoryOutput(serializers.Serializer[Any]):
    today = ChatOutput(many=True)
    yesterday = ChatOutput(many=True)
    seven_days = ChatOutput(many=True)
    older = ChatOutput(many=True)


class ModelOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    provider = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    available = serializers.BooleanField()
    default = serializers.BooleanField()


class SeedReplyOutput(serializers.Serializer[Any]):
    reply = serializers.CharField()


class SeedMessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField()
    created_at = serializers.DateTimeField()


class SeedChatOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    created_at = serializers.DateTimeField()
