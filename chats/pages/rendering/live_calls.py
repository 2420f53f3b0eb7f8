"""The tool calls of a running reply on an open page, frame by frame."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chats.pages.rendering.calls import WRITING, asked_by, call_dom, call_view
from chats.pages.rendering.outline import Call
from chats.parts import RUNNING, WAITING, note
from chats.turns.events import ToolInput, Waiting


class LiveCalls:
    """What has happened to the calls, and whether each is shown as a line or, where its user is asked, as a card."""

    def __init__(self, chat_id: UUID, reply: UUID, calls: dict[str, Call], waiting: Waiting | None) -> None:
        self._chat_id, self._reply, self._calls, self._waiting = chat_id, reply, calls, waiting
        self._cards = asked_by(waiting) if waiting else set()
        self._written: set[str] = set()  # calls of which only arguments are known yet

    @property
    def unsettled(self) -> bool:
        """Tell whether something is shown that does not hold once the reply has ended."""
        return bool(self._written) or any(call["state"] in (RUNNING, WAITING) for call in self._calls.values())

    def write(self, event: ToolInput) -> str:
        """Return the frame that shows more of arguments that are still being written."""
        begun = "" if event.call in self._written else self._appended(_unwritten(event))
        self._written.add(event.call)
        dom = call_dom(self._reply, event.call)
        return begun + format_html('<code id="{}-in" hx-swap-oob="beforeend">{}</code>', dom, event.text)

    def add(self, call: Call) -> str:
        """Return the frame that shows a call."""
        self._calls[call["id"]] = call
        if call["id"] not in self._written:
            return self._appended(call)
        self._written.discard(call["id"])
        return self._replaced(call)

    def change(self, payload: Mapping[str, Any]) -> str:
        """Return the frame that shows a result or a decision."""
        return "".join([self._changed(self._calls[id_]) for id_ in note(self._calls, payload)])

    def ask(self, waiting: Waiting) -> str:
        """Return the frame that makes cards of calls that are to be decided on, and lines of others."""
        self._waiting = waiting
        asked = {id_ for id_ in asked_by(waiting) if self._calls[id_]["state"] == WAITING}
        changed, self._cards = asked ^ self._cards, asked
        return "".join([self._replaced(call) for id_, call in self._calls.items() if id_ in changed])

    def _changed(self, call: Call) -> str:
        """Change a line in place: somebody may have opened it."""
        if call["id"] in self._cards:
            self._cards.discard(call["id"])
            return self._replaced(call)
        return self._render("chat/call_state.html", call) + self._render("chat/call_output.html", call)

    def _appended(self, call: Call) -> str:
        html = self._render("chat/call.html", call, oob=False)
        return format_html('<div hx-swap-oob="beforebegin:#m-{}-foot">{}</div>', self._reply, html)

    def _replaced(self, call: Call) -> str:
        return self._render("chat/call.html", call)

    def _render(self, template: str, call: Call, oob: bool = True) -> SafeString:
        view = call_view(self._reply, call, self._waiting)
        context = {"call": view, "m": {"id": self._reply}, "chat_id": self._chat_id, "oob": oob}
        return render_to_string(template, context)


def _unwritten(event: ToolInput) -> Call:
    return {"id": event.call, "name": event.name, "input": "", "state": WRITING}
