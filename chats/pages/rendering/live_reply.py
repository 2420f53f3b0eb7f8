"""A running reply on an open page, frame by frame."""

from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from chats.pages.rendering.fragments import message_foot, message_frame, message_view
from chats.pages.rendering.incremental_markdown import GrowingText
from chats.rows import MessageRow
from chats.turns.events import Delta, End

BIG = 8_000  # characters from which rendering leaves the loop


class LiveReply:
    """A reply that grows on a page: turns its events into frames."""

    def __init__(self, chat_id: UUID, row: MessageRow) -> None:
        self.chat_id, self.id = chat_id, row.id
        self.position = row.length
        self._text = GrowingText()
        self._view = message_foot(row) | {"reasoning": row.reasoning}
        self._view["done"] = mark_safe(self._text.grow(row.content))  # noqa: S308
        self._view["open"] = mark_safe(self._text.open_html())  # noqa: S308

    def view(self) -> dict[str, Any]:
        """Return the view of the message as it stood at first."""
        return self._view

    @property
    def pause(self) -> float:
        """Seconds between two paintings: a fifth, more where the open block is long."""
        return 0.2 * max(1.0, len(self._text.open) / (2 * BIG))

    @property
    def big(self) -> bool:
        return len(self._text.open) > BIG

    def grow(self, delta: Delta) -> str:
        """Return the frame that shows a delta, which must begin at `position`."""
        self.position = delta.at + len(delta.text)
        if delta.kind == "reasoning":
            return format_html('<div id="m-{}-why" hx-swap-oob="beforeend"><span>{}</span></div>', self.id, delta.text)
        return self._frame(self._text.grow(delta.text), self._text.open_html())

    def _frame(self, closed: str, open_: str) -> str:
        done = f'<div id="m-{self.id}-done" hx-swap-oob="beforeend">{closed}</div>' if closed else ""
        return f'{done}<div id="m-{self.id}-open" hx-swap-oob="innerHTML">{open_}</div>'

    def end(self, end: End) -> str:
        """Return the frame that completes the message; painted whole where the blocks do not add up to it."""
        row, closed = end.message, self._text.finish()
        if end.at != self.position or not self._text.adds_up_to(row.content):
            return message_frame(self.chat_id, message_view(row))
        context = {"m": message_foot(row), "chat_id": self.chat_id, "oob": True}
        return self._frame(closed, "") + render_to_string("chat/foot.html", context)
