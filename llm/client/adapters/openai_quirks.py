"""What a compatible server's refusals teach about the fields that it takes."""

import re
from dataclasses import replace

from llm.client.types import Prompt, Quirks

LENGTH = re.compile("max_tokens|max_completion_tokens").search


def length_name(quirks: Quirks) -> str:
    """Return the name of the longest reply."""
    return "max_tokens" if quirks.wants_max_tokens else "max_completion_tokens"


def learned(quirks: Quirks, prompt: Prompt, refusal: str) -> Quirks:
    """Return the quirks of a server that refused a prompt with these words, the same where they name no such field."""
    if not quirks.refuses_stream_options and "stream_options" in refusal:
        return replace(quirks, refuses_stream_options=True)
    if "max_tokens" in prompt.params and LENGTH(refusal):
        return replace(quirks, wants_max_tokens=not quirks.wants_max_tokens)
    return quirks
