"""How much of its context a prompt has room for."""

from collections.abc import Sequence
from dataclasses import replace

from chats.turns.attachments import stored_size
from llm.client.types import File, Prompt, PromptMessage
from llm.tokens import SMALL_IMAGE, bytes_within, prompt_size


def within(prompt: Prompt, most: int, fixed: int) -> tuple[Prompt, int]:
    """Leave the oldest turns out of a prompt, each as a whole, until it is estimated at `most` tokens (0: no bound).

    Returns how many were left out. The last `fixed` messages stay however long they are, as do system text and tools.
    """
    messages = prompt.messages
    starts = [at for at, message in enumerate(messages[:-fixed]) if message.role == "user" or at == 0]
    if not most or not starts:
        return prompt, 0
    kept = len(messages) - fixed
    room = bytes_within(most) - _size(prompt, messages[kept:])
    base = _size(prompt, ())
    for at in reversed(starts):
        room -= _size(prompt, messages[at:kept]) - base
        if room < 0:
            break
        kept = at
    return replace(prompt, messages=messages[kept:]), sum(at < kept for at in starts)


def _size(prompt: Prompt, messages: Sequence[PromptMessage]) -> int:
    """Return what a prompt with these messages comes to, in bytes of text."""
    part = replace(prompt, messages=tuple(messages))
    pictures = sum(isinstance(each, File) and each.is_image for message in messages for each in message.parts)
    return prompt_size(part) + stored_size(part) + bytes_within(SMALL_IMAGE * pictures)
