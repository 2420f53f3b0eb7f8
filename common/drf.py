"""DRF's parser, renderer and fields, with our JSON rules."""

from typing import Any
from uuid import UUID

from django.core.validators import ProhibitNullCharactersValidator
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import JSONParser as StockParser
from rest_framework.renderers import JSONRenderer as StockRenderer
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from common.errors import UnsupportedType
from common.json import dumps, loads
from common.text import NOT_STORABLE, is_storable


class JSONParser(StockParser):
    """Reads JSON strictly: no NaN, at most 64 levels deep; nothing it is sent makes it raise anything but 400."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read()
        return loads(body) if body else {}


class JSONRenderer(StockRenderer):
    """Writes JSON with orjson."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else dumps(data)


class TextField(serializers.CharField):
    """Text kept exactly as sent: whitespace stays, NUL and unpaired surrogates are refused, only strings are taken."""

    default_error_messages = {"storable": NOT_STORABLE}
    characters = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)  # a hundred times slower

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)
        self.validators = [each for each in self.validators if not isinstance(each, self.characters)]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not is_storable(data):
            self.fail("storable")
        return super().to_internal_value(data)


class IdField(serializers.UUIDField):
    """A UUID written as text; DRF's own field takes numbers, too."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """`true` or `false`; DRF's own field takes words and numbers, too."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class NumberField(serializers.FloatField):
    """A number of JSON's; DRF's own field takes text and booleans, too."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return data


class WholeNumberField(serializers.IntegerField):
    """A whole number of JSON's; DRF's own field takes text, too."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class ShortListField(serializers.ListField):
    """A list that is too long before anything in it is read; DRF's own field reads it all first."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(self.error_messages["max_length"].format(max_length=self.max_length))
        return super().to_internal_value(data)


class OneFormat(BaseContentNegotiation):
    """Every address speaks one format, whatever `Accept` says: a 406 helps nobody who can read an error in JSON."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return who reads the body; raise UnsupportedType, which says what would be read here."""
        if parser := DefaultContentNegotiation().select_parser(request, parsers):
            return parser
        wanted = [getattr(each, "wanted", each.media_type) for each in parsers]
        raise UnsupportedType(f"Send the body as {' or '.join(wanted)}.")

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class FormatAsAsked(OneFormat):
    """Several formats, by `?format=` or `Accept`; the first where neither names one that there is."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        asked = request.query_params.get("format")
        offered = [each for each in renderers if each.format == asked] or renderers
        try:
            return DefaultContentNegotiation().select_renderer(request, offered)
        except NotAcceptable:
            return super().select_renderer(request, offered)
