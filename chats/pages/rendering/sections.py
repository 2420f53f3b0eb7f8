"""A reply's sections as templates need them: finished, or still growing."""

from typing import Any
from uuid import UUID

from django.utils.safestring import mark_safe

from chats.pages.rendering.calls import call_view
from chats.pages.rendering.code_blocks import rendered
from chats.pages.rendering.incremental_markdown import GrowingText
from chats.pages.rendering.outline import Outline, Section
from chats.parts import PROSE, REASONING
from chats.turns.events import Waiting

View = dict[str, Any]


def section_dom(reply: UUID, number: int) -> str:
    """Return what the ids of a section's elements begin with."""
    return f"m-{reply}" if number == 1 else f"m-{reply}-{number}"


def whole_sections(reply: UUID, outline: Outline) -> list[View]:
    """Return the sections of a reply that has ended."""
    return [
        _view(reply, number, each) | {"done": mark_safe(rendered(each.text))}  # noqa: S308
        for number, each in enumerate(outline.sections, 1)
    ]


def growing_sections(reply: UUID, outline: Outline, waiting: Waiting | None) -> tuple[list[View], list[GrowingText]]:
    """Return the sections of a reply that goes on, and their texts, of which the last may grow."""
    views, texts = list[View](), list[GrowingText]()
    for number, each in enumerate(outline.sections, 1):
        text, is_last = GrowingText(), number == len(outline.sections)
        done = text.grow(each.text) + ("" if is_last and each.last in PROSE else text.finish())
        more = {"done": mark_safe(done), "open": mark_safe(text.open_html()), "running": is_last}  # noqa: S308
        if is_last and each.last == REASONING:
            more["thinking"] = thinking_words(0)
        views.append(_view(reply, number, each, waiting) | more)
        texts.append(text)
    return views, texts


def empty_section(reply: UUID, number: int) -> View:
    """Return a section that is just beginning."""
    return _view(reply, number, Section()) | {"running": True, "thinking": thinking_words(0)}


def thinking_words(seconds: float) -> str:
    """Say how long a model has been reasoning."""
    return f"Thinking… {int(seconds)} s" if seconds >= 1 else "Thinking…"


def thought_words(seconds: float | None) -> str:
    """Say how long a model has reasoned."""
    return "Thoughts" if seconds is None else f"Thought for {max(round(seconds), 1)} s"


def _view(reply: UUID, number: int, section: Section, waiting: Waiting | None = None) -> View:
    return {
        "dom": section_dom(reply, number),
        "reasoning": section.reasoning,
        "thinking": thought_words(section.seconds),
        "files": section.files,
        "calls": [call_view(reply, call, waiting) for call in section.calls],
    }
