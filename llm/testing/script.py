"""What the fake provider is told to do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from llm.testing.scripted_calls import ScriptedCall, calls_of, sources_of

DIRECTIVE = "!fake "
PAUSE = "pause"
PSEUDO_TEXT = "The quick brown fox 🦊 jumps over the lazy dog – naïve, 日本語, **bold** and `code`. "
# What is odd but legal on the wire ...
FRAMING = {"bom", "comments", "crlf", "cr", "nospace", "multiline", "ids", "no_last_blank"}
# ... and in what is said.
CONTENT = {"role_only", "null_content", "unknown", "after_done"}
# How servers differ with tools and reasoning; not all of it goes together, so each must be named.
SHAPES = {
    "no_index", "same_index", "no_id", "no_type", "repeat_id", "object_arguments", "interleaved", "one_delta",
    "finish_stop", "function_call", "lone_signature", "reasoning_field", "reasoning_details",
    "reasoning_text", "phase", "failed_event", "nested_error", "bare_end",
    "redacted_thinking", "unsigned", "silent_refusal",
}  # fmt: skip
ODDITIES = frozenset(FRAMING | CONTENT | SHAPES)


@dataclass(frozen=True, slots=True)
class Script:
    """One reply and what goes wrong with it; times in seconds, places in number of deltas sent before.

    Without `steps`, `calls` are made once, and what answers their results has none. With them, each step answers
    one round of results, and the last one all further rounds; what stands beside `steps` holds for each of them.
    """

    id: str = ""
    text: str | None = None
    chunks: tuple[str, ...] = ()
    size: int = 0
    chunk: int = 0
    delay: float = 0
    first_delay: float = 0
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    pictures: tuple[str, ...] = ()  # PNG in base64
    signature: str = ""  # Gemini's thoughtSignature
    usage: str = ""  # JSON, over what is counted
    steps: tuple["Script", ...] = ()
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
    pause_after: int | None = None  # Anthropic's pause_turn, Gemini's CONTINUATION
    stall_after: int | None = None
    cut_after: int | None = None
    end_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None
    oddities: frozenset[str] = frozenset()
    segment: int = 0
    keepalive: float = 0
    repeat: int = 1
    answer: str = ""  # the whole body: of a moderation call, or with status 200 in the place of a stream
    content_type: str = ""  # of such a body, or of the stream
    garbled_after: int | None = None  # after which no chunk of the body's encoding is right any more
    garbage: str = "zz\r\n"  # that comes then
    refuses: tuple[str, ...] = ()  # fields of a request that are 400

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Script":
        """Read a script; an unknown field is an error, for a misspelt one would prove nothing."""
        unknown = given.keys() - {field.name for field in fields(cls)} - {"moderation"}
        if unknown:
            raise ValueError(f"Unknown script fields: {', '.join(sorted(unknown))}")
        values = {name: READERS.get(name, _as_it_is)(given[name]) for name in given.keys() - {"moderation", "steps"}}
        common = {name: value for name, value in given.items() if name not in ("steps", "repeat")}
        values["steps"] = tuple(cls.from_json({**common, **step}) for step in given.get("steps", ()))
        # As many failures as asked for, and the success after them; or as many steps as there are.
        values.setdefault("repeat", max(given.get("times", 0) + 1, len(values["steps"])))
        return cls(**values)

    def at(self, rounds: int) -> "Script":
        """Return the script for what comes after so many rounds of tool results."""
        if self.steps:
            return self.steps[min(rounds, len(self.steps) - 1)]
        return replace(self, calls=()) if rounds and self.calls else self

    def part(self, is_resumed: bool, prompt: str) -> "Script":
        """Return what is said before a pause, or after it."""
        if self.pause_after is None:
            return self
        texts, whole = self.deltas(prompt), replace(self, pause_after=None)
        if is_resumed:
            return replace(whole, chunks=texts[self.pause_after :], reasoning="")
        return replace(whole, chunks=texts[: self.pause_after], calls=(), sources=(), finish=PAUSE)

    @property
    def odd_usage(self) -> dict[str, Any]:
        return dict(json.loads(self.usage)) if self.usage else {}

    def deltas(self, prompt: str) -> tuple[str, ...]:
        """Cut the reply into what each chunk carries."""
        if self.empty or self.refusal or self.block:
            return ()
        extra = ("nul:\0!",) * self.nul + ("\ud83d", "\ude00", " lone \ud800 end") * self.surrogate
        return (self.chunks or cut(self._whole_text(prompt), self.chunk)) + extra

    def _whole_text(self, prompt: str) -> str:
        if self.size:
            return (PSEUDO_TEXT * (self.size // len(PSEUDO_TEXT) + 1))[: self.size]
        if self.text is not None:
            return self.text
        if self.calls:
            return ""
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
    names = frozenset(FRAMING | CONTENT) - {"cr", "no_last_blank"} if given is True else frozenset(given)
    if unknown := names - ODDITIES:
        raise ValueError(f"Unknown oddities: {', '.join(sorted(unknown))}")
    return names


def _as_it_is(value: Any) -> Any:
    return value


READERS: dict[str, Callable[[Any], Any]] = {
    "chunks": tuple,
    "usage": json.dumps,
    "refuses": tuple,
    "pictures": tuple,
    "oddities": _oddities,
    "retry_after": str,
    "calls": calls_of,
    "sources": sources_of,
}


def cut(text: str, length: int) -> tuple[str, ...]:
    """Cut into pieces of a length, or else after each word."""
    if length:
        return tuple(text[at : at + length] for at in range(0, len(text), length))
    return tuple(piece for piece in text.replace(" ", " \0").split("\0") if piece)
