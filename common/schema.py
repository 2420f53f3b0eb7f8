"""The problem document (RFC 9457) as the schema shows it."""

from typing import Any

from rest_framework import serializers


class ProblemOutput(serializers.Serializer[Any]):
    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="machine-readable")
    detail = serializers.CharField()
    correlation_id = serializers.CharField(help_text="also sent as X-Request-ID")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField())
    )
