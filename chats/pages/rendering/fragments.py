"""HTMX fragments: what a page shows, and the frames that change it in place.

A frame is HTML whose top-level elements each name the element that they replace, extend or delete (`hx-swap-oob`).
Text of users and models enters through templates, which escape it, or through `chats.markdown`, which sanitises it;
each frame is rendered from whole text, so that a tag cut across chunks is never put together in the browser.
"""

from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.html import format_html

from chats.models import COMMAND, UNFINISHED, Role, State
from chats.pages.rendering.outline import Outline
from chats.pages.rendering.sections import growing_sections, whole_sections
from chats.pages.rendering.sources import source_views
from chats.pages.thread import Thread, ThreadState
from chats.parts import FILE, part_payload
from chats.rows import MessageRow
from chats.turns.events import Waiting

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
    "too_many_steps": "The model wanted to use tools more often than one answer may.",
    "approval_expired": "Nobody decided in time, so this was not done.",
    "superseded": "Not done: the chat went on without a decision.",
}
STATES = {
    State.FAILED: "The model could not answer.",
    State.INTERRUPTED: "The answer was cut short.",
    State.BLOCKED: "A content filter stopped the answer.",
    State.STOPPED: "Stopped.",
    State.WAITING: "Waits for your decision; another message ends the waiting.",
}


def message_view(row: MessageRow, thumb: int = 0, waiting: Waiting | None = None) -> dict[str, Any]:
    """Return what the template of a message needs; of a reply that waits, `waiting` says what for."""
    view = message_foot(row, thumb)
    if row.role == Role.USER:
        return view | {"content": row.content, "files": file_views(row)}
    outline = Outline(row.parts, row.state not in UNFINISHED, row.reasoning_seconds)
    if row.state in UNFINISHED:
        return view | {"sections": growing_sections(row.id, outline, waiting)[0]}
    return view | {"sections": whole_sections(row.id, outline)}


def file_views(row: MessageRow) -> list[dict[str, Any]]:
    """Return what the page shows of the files of a message."""
    return [part_payload(kind, text)["file"] for kind, text in row.parts if kind == FILE]


def message_foot(row: MessageRow, thumb: int = 0) -> dict[str, Any]:
    """Return what stands below a message: how it ended, what it is based on, who answered, which sibling it is."""
    is_fine = row.state in (State.COMPLETE, State.STREAMING)
    siblings = row.siblings or (row.id,)
    has_text = bool(row.content)
    return {
        "id": row.id,
        "role": row.role,
        "state": row.state,
        "running": row.state == State.STREAMING,
        "waits": row.state == State.WAITING,
        "trouble": REASONS.get(row.reason, "" if is_fine else STATES[State(row.state)]),
        "alarming": row.state in (State.FAILED, State.BLOCKED, State.INTERRUPTED),
        "can_continue": has_text and (row.state in (State.STOPPED, State.INTERRUPTED) or row.reason == "length"),
        "has_text": has_text,
        "command": row.reason == COMMAND,
        "sources": source_views(row.parts),
        "model": row.model,
        "thumb": thumb,
        "place": siblings.index(row.id) + 1,
        "count": len(siblings),
    }


def thread_views(thread: Thread) -> list[dict[str, Any]]:
    """Return the views of a thread's messages."""
    return [message_view(row, thread.thumbs.get(row.id, 0), thread.waiting) for row in thread.rows]


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
