"""What the tools take, beside the input that all doors share for a new note."""

from typing import Any

from rest_framework import serializers

from common.drf import IdField, TextField
from notes.text import MAX_TAG

MAX_PAGE, PAGE = 30, 20
MAX_QUERY = 200


class ListInput(serializers.Serializer[Any]):
    tag = TextField(required=False, allow_blank=True, max_length=2 * MAX_TAG, default="")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PAGE, default=PAGE)
    cursor = IdField(required=False, default=None)


class SearchInput(ListInput):
    query = TextField(max_length=MAX_QUERY)


class ReadInput(serializers.Serializer[Any]):
    id = IdField()
    offset = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, default=0)
