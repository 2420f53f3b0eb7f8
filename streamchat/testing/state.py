"""What the fake Stream knows, what it was asked, and what it is told to do wrong."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Call:
    """One call of the server client: `name` says what it does, `body` what it sent."""

    name: str
    target: str
    body: Any
    status: int = 200
    at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Fault:
    """What the next calls of a name get instead of their answer; a status of 0 only delays."""

    name: str
    status: int = 0
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0


class State:
    """Shared by the server's thread and the test's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.commands: dict[str, dict[str, Any]] = {}
        self.types: dict[str, list[str]] = {}
        self.app: dict[str, Any] = {}
        self.clear()

    def clear(self) -> None:
        """Begin anew: one channel type with a command of somebody else's."""
        with self._lock:
            for each in (self.messages, self.commands, self.types, self.app):
                each.clear()  # users stay: whoever has introduced itself does not do so again
            self.calls.clear()
            self.faults.clear()
            self.commands["giphy"] = command("giphy", "Post a picture")
            self.types["messaging"] = ["giphy"]
            self.app["custom_action_handler_url"] = ""

    def note(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)

    def fault(self, name: str) -> Fault | None:
        """Take what is to go wrong with a call of this name."""
        with self._lock:
            found = next((fault for fault in self.faults if fault.name in (name, "*")), None)
            if found is not None:
                found.times -= 1
                if found.times <= 0:
                    self.faults.remove(found)
            return found


def command(name: str, description: str, args: str = "", group: str = "") -> dict[str, Any]:
    return {"name": name, "description": description, "args": args, "set": group}
