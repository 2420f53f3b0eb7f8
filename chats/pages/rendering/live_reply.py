"""A running reply on an open page, frame by frame."""

import time
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.html import format_html

from chats.models import State
from chats.pages.rendering.fragments import message_foot, message_frame, message_view
from chats.pages.rendering.incremental_markdown import GrowingText
from chats.pages.rendering.live_calls import LiveCalls
from chats.pages.rendering.outline import Outline
from chats.pages.rendering.sections import (
    empty_section,
    growing_sections,
    section_dom,
    thinking_words,
    thought_words,
)
from chats.parts import DECISION, FILE, REASONING, SOURCE, TOOL_CALL, is_text, part_payload
from chats.rows import MessageRow
from chats.turns.events import Delta, End, ToolInput, Waiting

FILES = '<div id="{}-files" hx-swap-oob="beforeend">{}</div>'
BIG = 8_000  # characters from which rendering leaves the loop


class Stopwatch:
    """Runs while a model reasons."""

    def __init__(self) -> None:
        self._since: float | None = None
        self.seconds = 0

    def tick(self) -> bool:
        """Go on; tell whether this is another second."""
        now = time.monotonic()
        before, self.seconds = self.seconds, int(now - (self._since or now))
        self._since = self._since or now
        return self.seconds > before

    def stop(self) -> float | None:
        """Return how long it has run; None where it has not."""
        ran = None if self._since is None else time.monotonic() - self._since
        self._since, self.seconds = None, 0
        return ran


class LiveReply:
    """A reply that grows, or waits, on a page: turns its events into frames."""

    def __init__(self, chat_id: UUID, row: MessageRow, waiting: Waiting | None = None) -> None:
        self.chat_id, self.id = chat_id, row.id
        self.position = row.length
        self._outline = Outline(row.parts, is_over=False, reasoning_seconds=row.reasoning_seconds)
        self._thinking = Stopwatch()
        sections, self._texts = growing_sections(row.id, self._outline, waiting)
        self._calls = LiveCalls(chat_id, row.id, self._outline.calls, waiting)
        self._row = replace(row, parts=[])
        self._view = message_foot(row) | {"sections": sections}

    def view(self) -> dict[str, Any]:
        """Return the view of the message as it stood at first."""
        return self._view

    @property
    def pause(self) -> float:
        """Seconds between two paintings: a fifth, more where the open block is long."""
        return 0.2 * max(1.0, len(self._texts[-1].open) / (2 * BIG))

    @property
    def big(self) -> bool:
        return len(self._texts[-1].open) > BIG

    # --- as it goes on -----------------------------------------------------------------------------------------------
    def grow(self, delta: Delta) -> str:
        """Return the frame that shows a delta, which must begin at `position`; nothing where it shows nothing."""
        self.position = delta.at + len(delta.text)
        thought = self._stop_thinking() if delta.kind != REASONING else ""
        if not is_text(delta.kind):
            return thought + self._take(delta.kind, part_payload(delta.kind, delta.text))
        begun = self._begin_section() if self._outline.place(delta.kind) else ""
        if delta.kind == REASONING:
            why = '<div id="{}-why" hx-swap-oob="beforeend"><span>{}</span></div>'
            return begun + format_html(why, self._dom, delta.text) + self._think()
        text = self._texts[-1]
        return thought + begun + self._frame(text.grow(delta.text), text.open_html())

    def write(self, event: ToolInput) -> str:
        """Return the frame that shows more of the arguments of a call."""
        return self._stop_thinking() + self._calls.write(event)

    def wait(self, waiting: Waiting) -> str:
        """Return the frame that asks what is waited for; nothing where that is shown already."""
        asked = self._calls.ask(waiting)
        return asked and asked + self._foot_frame(self._foot(State.WAITING))

    def end(self, end: End) -> str:
        """Return the frame that completes the message; painted whole where the blocks do not add up to it."""
        row, closed = end.message, self._texts[-1].finish()
        if end.at != self.position or self._calls.unsettled or not self._adds_up(row):
            return message_frame(self.chat_id, message_view(row))
        return self._frame(closed, "") + self._thoughts(row) + self._foot_frame(message_foot(row))

    # --- reasoning ---------------------------------------------------------------------------------------------------
    def _think(self) -> str:
        """Count the seconds, as often as there is another one to be told."""
        is_new = self._thinking.tick()
        return self._thinking_frame(self._dom, thinking_words(self._thinking.seconds)) if is_new else ""

    def _stop_thinking(self) -> str:
        """Say how long it took, as it was seen from here, once something else comes."""
        seconds = self._thinking.stop()
        return "" if seconds is None else self._thinking_frame(self._dom, thought_words(seconds))

    def _thoughts(self, row: MessageRow) -> str:
        """Say how long it took as that was stored."""
        sections = Outline(row.parts, is_over=True, reasoning_seconds=row.reasoning_seconds).sections
        return "".join(
            self._thinking_frame(section_dom(self.id, number), thought_words(section.seconds))
            for number, section in enumerate(sections, 1)
            if section.reasoning
        )

    def _thinking_frame(self, dom: str, words: str) -> str:
        return f'<span id="{dom}-thinking" hx-swap-oob="innerHTML">{words}</span>'

    # --- pieces ------------------------------------------------------------------------------------------------------
    def _take(self, kind: str, payload: dict[str, Any]) -> str:
        if kind == SOURCE:
            return ""
        if kind == FILE:
            begun = self._begin_section() if self._outline.place(kind) else ""
            shown = render_to_string("chat/files.html", {"files": [payload["file"]]})
            return self._close_text() + begun + format_html(FILES, self._dom, shown)
        if kind == TOOL_CALL:
            self._outline.place(kind)
            return self._close_text() + self._calls.add(payload)
        resumed = self._foot_frame(self._foot(State.STREAMING)) if kind == DECISION else ""
        return self._calls.change(payload) + resumed

    def _begin_section(self) -> str:
        closed = self._close_text()
        self._texts.append(GrowingText())
        section = render_to_string("chat/section.html", {"section": empty_section(self.id, len(self._texts))})
        return closed + format_html('<div hx-swap-oob="beforebegin:#m-{}-foot">{}</div>', self.id, section)

    def _close_text(self) -> str:
        text = self._texts[-1]
        return self._frame(text.finish(), "") if text.open else ""

    def _adds_up(self, row: MessageRow) -> bool:
        sections = Outline(row.parts, is_over=True).sections
        pairs = zip(self._texts, sections, strict=False)
        return len(sections) == len(self._texts) and all(text.adds_up_to(section.text) for text, section in pairs)

    @property
    def _dom(self) -> str:
        return section_dom(self.id, len(self._texts))

    def _frame(self, closed: str, open_: str) -> str:
        done = f'<div id="{self._dom}-done" hx-swap-oob="beforeend">{closed}</div>' if closed else ""
        return f'{done}<div id="{self._dom}-open" hx-swap-oob="innerHTML">{open_}</div>'

    def _foot(self, state: str) -> dict[str, Any]:
        return message_foot(replace(self._row, state=state))

    def _foot_frame(self, foot: dict[str, Any]) -> str:
        return render_to_string("chat/foot.html", {"m": foot, "chat_id": self.chat_id, "oob": True})
