"""HTMX fragments: what a page shows, and the frames that change it in place.

A frame is HTML whose top-level elements each name the element that they replace, extend or delete (`hx-swap-oob`).
Text of users and models enters through templates, which escape it, or through `chats.markdown`, which sanitises it;
each frame is rendered from whole text, so that a tag cut across chunks is never put together in the browser.
"""

from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from chats.models import COMMAND, Role, State
from chats.pages.rendering.code_blocks import rendered
from chats.pages.rendering.incremental_markdown import GrowingText
from chats.pages.thread import Thread, ThreadState
from chats.rows import MessageRow

REASONS = {
    "provider_timeout": "The model did not answer in time.",
    "provider_busy": "The model is overloaded at the moment.",
    "provider_refused": "The provider refused the request.",
    "provider_empty": "The model gave an empty answer.",
    "content_filter": "A content filter stopped the answer.",
    "moderation": "This message was not sent: it goes against the rules of this service.",
    "length": "The answer reached its length limit.",
    "process_lost": "The server restarted while answering.",
    "shutdown": "The server restarted while answering.",
}
STATES = {
    State.FAILED: "The model could not answer.",
    State.INTERRUPTED: "The answer was cut short.",
    State.BLOCKED: "A content filter stopped the answer.",
    State.STOPPED: "Stopped.",
}


def message_view(row: MessageRow, thumb: int = 0) -> dict[str, Any]:
    """Return what the template of a message needs."""
    view = message_foot(row, thumb)
    if row.role == Role.USER:
        return view | {"content": row.content}
    if row.state == State.STREAMING:
        return view | _half(row)
    return view | {"reasoning": row.reasoning, "done": mark_safe(rendered(row.content))}  # noqa: S308


def _half(row: MessageRow) -> dict[str, Any]:
    text = GrowingText()
    done = text.grow(row.content)
    return {"reasoning": row.reasoning, "done": mark_safe(done), "open": mark_safe(text.open_html())}  # noqa: S308


def message_foot(row: MessageRow, thumb: int = 0) -> dict[str, Any]:
    """Return what stands below a message: how it ended, who answered, which of its siblings it is."""
    ended_badly = row.state not in (State.COMPLETE, State.STREAMING)
    siblings = row.siblings or (row.id,)
    return {
        "id": row.id,
        "role": row.role,
        "state": row.state,
        "running": row.state == State.STREAMING,
        "trouble": STATES[State(row.state)] if ended_badly and row.reason not in REASONS else REASONS.get(row.reason),
        "alarming": row.state in (State.FAILED, State.BLOCKED, State.INTERRUPTED),
        "can_continue": bool(row.content)
        and (row.state in (State.STOPPED, State.INTERRUPTED) or row.reason == "length"),
        "has_text": bool(row.content),
        "command": row.reason == COMMAND,
        "model": row.model,
        "thumb": thumb,
        "place": siblings.index(row.id) + 1,
        "count": len(siblings),
    }


def thread_views(thread: Thread) -> list[dict[str, Any]]:
    """Return the views of a thread's messages."""
    return [message_view(row, thread.thumbs.get(row.id, 0)) for row in thread.rows]


def thread_frame(chat_id: UUID, removed: list[UUID], views: list[dict[str, Any]], whole: bool) -> str:
    """Take messages away and put others after what is left, or in place of everything."""
    gone = [format_html('<div id="m-{}" hx-swap-oob="delete"></div>', id_) for id_ in removed]
    new = render_to_string("chat/messages.html", {"views": views, "chat_id": chat_id})
    swap = "innerHTML" if whole else "beforeend"
    return "".join(gone) + format_html('<div id="thread" hx-swap-oob="{}">{}</div>', swap, new)


def message_frame(chat_id: UUID, view: dict[str, Any]) -> str:
    """Paint one message again."""
    return render_to_string("chat/messages.html", {"views": [view], "chat_id": chat_id, "oob": True})


def state_frame(state: ThreadState) -> str:
    """Tell the page whether a reply is being made and what it shows, for the next connection."""
    return render_to_string("chat/state.html", {"state": state, "oob": True})


def notice_frame(text: str, link: str = "", label: str = "") -> str:
    """Say something above the input; an empty text clears it."""
    return render_to_string("chat/notice.html", {"text": text, "link": link, "label": label, "oob": True})


def sent_frame(key: str) -> str:
    """Tell the page that a message is stored."""
    return format_html('<div id="sent" data-key="{}" hidden hx-swap-oob="true"></div>', key)


def announce_frame(text: str) -> str:
    """Have a screen reader say something."""
    return format_html('<div id="announce" hx-swap-oob="innerHTML">{}</div>', text)


PULSE = '<div id="pulse" hidden hx-swap-oob="true"></div>'
