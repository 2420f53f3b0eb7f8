"""What the fake provider was asked, for tests to look at."""

import hashlib
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llm.testing.script import Script

SECRET_HEADERS = {"authorization", "x-api-key", "x-goog-api-key"}
KEPT = 5_000


@dataclass(slots=True, eq=False)
class Record:
    """One request; `aborted` = the client left before the end.

    What it has cost a vendor is `prompt_tokens`, once anything is sent, and a token for each of the `sent` deltas.
    """

    vendor: str
    path: str
    headers: dict[str, str]
    body: Any
    files: list[dict[str, Any]] = field(default_factory=list)  # images and documents in it
    at: float = field(default_factory=time.time)
    status: int = 200
    open: bool = True
    finished: bool = False
    aborted: bool = False
    model: str = ""
    prompt_tokens: int = 0
    sent: int = 0


class Journal:
    """Requests that came and scripts that wait; both sides of a test share it."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=KEPT)
        self.running: set[Record] = set()
        self._queues: dict[str, deque[Script]] = {"chat": deque(), "moderation": deque()}
        self._failures: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """How many requests are being answered, of those since `clear`."""
        return len(self.running)

    def note(self, vendor: str, path: str, headers: Mapping[str, str], body: Any) -> Record:
        """Keep a request."""
        record = Record(vendor, path, masked(headers), body)
        self.records.append(record)
        return record

    def requests(self) -> list[dict[str, Any]]:
        """Copy out every request, oldest first."""
        return [asdict(record) for record in list(self.records)]

    def queue(self, given: Mapping[str, Any]) -> None:
        """Keep a script for the next requests, as many as its `repeat` says."""
        kind = "moderation" if "moderation" in given else "chat"
        script = Script.from_json(given["moderation"] if kind == "moderation" else given)
        self._queues[kind].extend([script] * script.repeat)

    def next_script(self, kind: str) -> Script | None:
        """Take the script whose turn it is."""
        waiting = self._queues[kind]
        return waiting.popleft() if waiting else None

    def fails(self, script: Script, prompt: str) -> bool:
        """Tell whether a script's error status holds for this request too."""
        name = script.id or prompt
        self._failures[name] += 1
        return not script.times or self._failures[name] <= script.times

    def clear(self) -> None:
        """Forget requests, scripts and counts; what runs goes on uncounted."""
        self.records.clear()
        self.running.clear()
        self._failures.clear()
        for waiting in self._queues.values():
            waiting.clear()


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Lower the names, and keep of a key just enough to recognise it."""
    return {name.lower(): mask(value) if name.lower() in SECRET_HEADERS else value for name, value in headers.items()}


def mask(value: str) -> str:
    """Give the masked form of a key or of a whole Authorization header."""
    scheme, _, key = value.rpartition(" ")
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{scheme} sha256:{digest}".strip()
