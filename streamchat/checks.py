"""System checks of what is set up for Stream."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from llm.environment import VENDORS
from streamchat.identity import parley_id


@register()
def stream_is_set_up_whole(**_: Any) -> list[CheckMessage]:
    """Half a credential, or a bot that could be mistaken for a person, would only show when somebody asks."""
    found: list[CheckMessage] = []
    if bool(settings.STREAM_API_KEY) != bool(settings.STREAM_API_SECRET):
        hint = "Set STREAM_API_KEY and STREAM_API_SECRET, or neither."
        found.append(Error("Stream has half of its credentials.", hint=hint, id="streamchat.E001"))
    if parley_id(settings.STREAM_BOT_ID) is not None:
        hint = "Set STREAM_BOT_ID to a name that is not `parley-` and a number."
        found.append(Error("The bot has the id of a person.", hint=hint, id="streamchat.E002"))
    if unknown := set(settings.STREAM_COMMANDS.values()) - set(VENDORS):
        hint = f"Name one of {', '.join(VENDORS)} for each command."
        found.append(Error(f"STREAM_COMMANDS names {', '.join(sorted(unknown))}.", hint=hint, id="streamchat.E003"))
    return found
