"""Images and documents as vendors take them."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

from llm.client.adapters.fields import label, text_or_nothing
from llm.client.types import File, GeneratedFile, PromptPart, Text

MAX_TYPE = 100


def file_url(file: File) -> str:
    """Return an address that holds all of a file."""
    return f"data:{file.media_type};base64,{file.data}"


def file_text(file: File) -> str:
    """Read a file that is text."""
    return base64.b64decode(file.data).decode("utf-8", "replace")


def generated_file(data: Any, media_type: Any) -> Iterator[GeneratedFile]:
    """Yield the file that a model has made, where there is one."""
    if text := text_or_nothing(data):
        yield GeneratedFile(text, label(media_type, MAX_TYPE).lower())


def file_at(url: Any) -> Iterator[GeneratedFile]:
    """Yield the file that a `data:` URL holds; no other address is looked at."""
    head, found, data = text_or_nothing(url).partition(";base64,")
    if found and head.startswith("data:"):
        yield from generated_file(data, head.removeprefix("data:"))


def asked_content(parts: list[PromptPart], written: Callable[[Text | File], dict[str, Any]]) -> str | list[Any]:
    """Return what a user sent as OpenAI takes it: plain text where there is nothing else, for all servers know that."""
    given = [part for part in parts if isinstance(part, Text | File)]
    texts = [part.text for part in given if isinstance(part, Text)]
    return "".join(texts) if len(texts) == len(parts) else [written(part) for part in given]
