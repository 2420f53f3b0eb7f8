"""How the page lays a reply out: sections of reasoning, text, files and tool calls, in order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chats.parts import FILE, REASONING, SOURCE, TEXT, TOOL_CALL, Part, part_payloads

Call = dict[str, Any]  # as `part_payloads` makes it
_ORDER = {REASONING: 0, TEXT: 1, FILE: 2, TOOL_CALL: 3}


@dataclass(slots=True)
class Section:
    """Reasoning, then text, then files, then calls: what comes in another order begins another section."""

    reasoning: str = ""
    seconds: float | None = None  # that the reasoning took, where that is known
    text: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    last: str = REASONING  # kind of what came last


class Outline:
    """The sections of a reply: one where it is reasoning, then text. Sources, told at its end, divide nothing."""

    def __init__(
        self, parts: Sequence[Part], is_over: bool, reasoning_seconds: Sequence[float | None] | None = None
    ) -> None:
        self.sections = [Section()]
        self.calls: dict[str, Call] = {}
        for payload in part_payloads(parts, is_over, reasoning_seconds):
            if payload["type"] != SOURCE:
                self.place(payload["type"])
                self._fill(self.sections[-1], payload)

    def place(self, kind: str) -> bool:
        """Make room for a part; tell whether it begins another section."""
        last = self.sections[-1]
        begins = _ORDER[kind] < _ORDER[last.last]
        if begins:
            self.sections.append(Section(last=kind))
        else:
            last.last = kind
        return begins

    def _fill(self, section: Section, payload: dict[str, Any]) -> None:
        if payload["type"] == TEXT:
            section.text += payload["text"]
        elif payload["type"] == REASONING:
            section.reasoning += payload["text"]
            section.seconds = payload.get("seconds")
        elif payload["type"] == FILE:
            section.files.append(payload["file"])
        else:
            section.calls.append(payload)
            self.calls[payload["id"]] = payload
