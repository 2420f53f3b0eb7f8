"""The settings of a chat or of one turn, as every door takes and shows them; `chats.turns.settings` reads them."""

from typing import Any, get_args

from rest_framework import serializers

from chats.wire.fields import MOST_TOKENS, InnerInput
from chats.wire.response_format import ResponseFormatField
from common.drf import NumberField, ShortListField, TextField, WholeNumberField
from llm.client.types import Effort

SYSTEM_CHARS, TOOLS, TOOL_CHARS = 32_768, 100, 64
MOST_TURNS = 50
EFFORTS = get_args(Effort)
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class ChatSettings(InnerInput):
    """What takes the place of the server's defaults: a member that is absent, or null, is the default."""

    system = TextField(
        **_OPTIONAL, allow_blank=True, max_length=SYSTEM_CHARS, help_text="the system text; empty: none is sent"
    )
    context_turns = WholeNumberField(**_OPTIONAL, min_value=0, max_value=MOST_TURNS, help_text="earlier turns sent")
    max_context_tokens = WholeNumberField(
        **_OPTIONAL,
        min_value=1,
        max_value=MOST_TOKENS,
        help_text="of all that is sent, as estimated: the oldest turns are left out",
    )
    temperature = NumberField(**_OPTIONAL, min_value=0, max_value=2)
    top_p = NumberField(**_OPTIONAL, min_value=0, max_value=1)
    max_output = WholeNumberField(**_OPTIONAL, min_value=1, max_value=MOST_TOKENS, help_text="tokens of a reply")
    effort = serializers.ChoiceField(EFFORTS, **_OPTIONAL, help_text="how much a model reasons before it answers")
    response_format = ResponseFormatField(**_OPTIONAL, help_text="JSON instead of prose")
    fallback = serializers.BooleanField(
        **_OPTIONAL,
        help_text="whether another model may answer where the provider of this one cannot; by default it may",
    )
    tools = ShortListField(**_OPTIONAL, child=TextField(max_length=TOOL_CHARS), max_length=TOOLS, help_text="names")
