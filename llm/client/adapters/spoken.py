"""Text that comes as parts: a list of them, or one, where others send the text itself."""

from collections.abc import Iterator
from typing import Any

from llm.client.types import ReasoningDelta, RefusalDelta, TextDelta

SAID = ("text", "content", "value", "output_text")
THOUGHT = ("thinking", "reasoning", "reasoning_content", "thought", "summary")


def spoken(value: Any, kind: type[TextDelta | ReasoningDelta] = TextDelta) -> Iterator[TextDelta | ReasoningDelta]:
    """Yield what is said in a text, a part or a list of them; what is no text is left out.

    Parts within a thought are thoughts (Mistral: `{"type": "thinking", "thinking": [{"type": "text", "text": …}]}`).
    """
    if isinstance(value, str):
        if value:
            yield kind(value)
    elif isinstance(value, list):
        for each in value:
            yield from spoken(each, kind)
    elif isinstance(value, dict):
        is_thought = value.get("type") in THOUGHT or value.get("thought") is True
        for name in THOUGHT:
            yield from spoken(value.get(name), ReasoningDelta)
        for name in SAID:
            yield from spoken(value.get(name), ReasoningDelta if is_thought else kind)
        yield from spoken(value.get("refusal"), RefusalDelta)
