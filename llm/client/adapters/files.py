"""Images and documents as vendors take them."""

import base64

from llm.client.types import File, PromptPart, Text


def file_url(file: File) -> str:
    """Return where a file is to be had: its own address, or one that holds all of it."""
    return file.url or f"data:{file.media_type};base64,{file.data}"


def file_text(file: File) -> str:
    """Read a file that is text."""
    return base64.b64decode(file.data).decode("utf-8", "replace")


def is_plain(parts: list[PromptPart]) -> bool:
    """Tell whether there is nothing but text."""
    return all(isinstance(part, Text) for part in parts)


def plain_text(parts: list[PromptPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))
