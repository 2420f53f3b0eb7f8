"""What the fake provider is told to do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

DIRECTIVE = "!fake "
PSEUDO_TEXT = "The quick brown fox 🦊 jumps over the lazy dog – naïve, 日本語, **bold** and `code`. "
# What is odd but legal on the wire ...
FRAMING = {"bom", "comments", "crlf", "cr", "nospace", "multiline", "ids", "no_last_blank"}
# ... and in what is said.
CONTENT = {"role_only", "null_content", "unknown", "after_done"}
ODDITIES = frozenset(FRAMING | CONTENT)


@dataclass(frozen=True, slots=True)
class Script:
    """One reply and what goes wrong with it; times in seconds, places in number of deltas sent before."""

    id: str = ""
    text: str | None = None
    chunks: tuple[str, ...] = ()
    size: int = 0
    chunk: int = 0
    delay: float = 0
    first_delay: float = 0
    reasoning: str = ""
    refusal: str = ""
    finish: str = "stop"
    block: str = ""
    empty: bool = False
    surrogate: bool = False
    nul: bool = False
    status: int = 0
    times: int = 0
    retry_after: str = ""
    error_code: str = ""
    redirect: int = 0
    stall_after: int | None = None
    cut_after: int | None = None
    end_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None
    oddities: frozenset[str] = frozenset()
    segment: int = 0
    keepalive: float = 0
    repeat: int = 1
    answer: str = ""  # the whole body of a moderation call

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Script":
        """Read a script; an unknown field is an error, for a misspelt one would prove nothing."""
        unknown = given.keys() - {field.name for field in fields(cls)} - {"moderation"}
        if unknown:
            raise ValueError(f"Unknown script fields: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {name: given[name] for name in given.keys() - {"moderation"}}
        values["chunks"] = tuple(given.get("chunks", ()))
        values["oddities"] = _oddities(given.get("oddities", ()))
        values["retry_after"] = str(given.get("retry_after", ""))
        # As many failures as asked for, and the success after them.
        values.setdefault("repeat", given.get("times", 0) + 1)
        return cls(**values)

    def deltas(self, prompt: str) -> tuple[str, ...]:
        """Cut the reply into what each chunk carries."""
        if self.empty or self.refusal or self.block:
            return ()
        extra = ("nul:\0!",) * self.nul + ("\ud83d", "\ude00", " lone \ud800 end") * self.surrogate
        return (self.chunks or _cut(self._whole_text(prompt), self.chunk)) + extra

    def _whole_text(self, prompt: str) -> str:
        if self.size:
            return (PSEUDO_TEXT * (self.size // len(PSEUDO_TEXT) + 1))[: self.size]
        if self.text is not None:
            return self.text
        about = " ".join(prompt.split())[:60]
        return f"You said: *{about}*.\n\n- This is a **fake** reply.\n- It is always the same."


PLAIN = Script()


def directive(prompt: str) -> dict[str, Any] | None:
    """Find the `!fake {json}` line of a prompt."""
    if DIRECTIVE not in prompt:
        return None
    lines = (line.strip() for line in prompt.split("\n"))
    found = next((line for line in lines if line.startswith(DIRECTIVE)), None)
    given: dict[str, Any] | None = json.loads(found.removeprefix(DIRECTIVE)) if found else None
    return given


def _oddities(given: Any) -> frozenset[str]:
    names = ODDITIES - {"cr", "no_last_blank"} if given is True else frozenset(given)
    if unknown := names - ODDITIES:
        raise ValueError(f"Unknown oddities: {', '.join(sorted(unknown))}")
    return names


def _cut(text: str, length: int) -> tuple[str, ...]:
    """Cut into pieces of a length, or else after each word."""
    if length:
        return tuple(text[at : at + length] for at in range(0, len(text), length))
    return tuple(piece for piece in text.replace(" ", " \0").split("\0") if piece)
