"""The real chat clients as processes that the tests talk to; left out by name where node cannot be had."""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Person
from tests.clients.install import find_node, installed

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def node() -> str:
    """Return the node to run, or leave the test out."""
    if not installed():
        pytest.skip("the JavaScript clients are not installed: python tests/clients/install.py")
    return str(find_node())


def text_of(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


class Chat:
    """One chat as a client shows it."""

    def __init__(self, process: "Process", name: str, **options: Any) -> None:
        self._process, self._name = process, name
        self.id: str = process.ask("open", name, **options)

    def send(self, text: str, **message: Any) -> None:
        self._process.ask("send", self._name, message={"text": text, **message})

    def regenerate(self, **options: Any) -> None:
        self._process.ask("regenerate", self._name, options=options)

    def resume(self) -> None:
        self._process.ask("resume", self._name)

    def answer(self, request: str, approved: bool, **values: Any) -> None:
        """Answer a request for approval, which may make the client post by itself."""
        self._process.ask("answer", self._name, options={"id": request, "approved": approved, **values})

    def post(self) -> None:
        """Post the messages as they are, `sendMessage()` without a message."""
        self._process.ask("post", self._name)

    def leave(self) -> None:
        """Abort the running request, as `stop()` and a closed page do."""
        self._process.ask("stop", self._name)

    def unmount(self) -> None:
        self._process.ask("unmount", self._name)

    def look(self) -> dict[str, Any]:
        return dict(self._process.ask("look", self._name))

    def wait(self, *states: str, text: str = "") -> dict[str, Any]:
        """Wait until the client is in one of the states (default: it has finished well) and shows some text."""
        states = states or ("ready",)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            seen = self.look()
            if seen["status"] in states and (not text or (seen["messages"] and text in text_of(seen["messages"][-1]))):
                return seen
            assert seen["status"] != "error" or "error" in states, seen["error"]
            time.sleep(0.02)
        raise AssertionError(f"still {seen['status']}: {str(seen)[:2000]}")

    def say(self, text: str, **message: Any) -> dict[str, Any]:
        """Send and wait for the whole reply."""
        self.send(text, **message)
        return self.wait()

    def texts(self) -> list[str]:
        return [text_of(message) for message in self.look()["messages"]]


class Process:
    """A node process with clients of one kind, signed in as one person."""

    def __init__(self, node: str, kind: str, url: str, token: str) -> None:
        self.kind = kind
        self._child = subprocess.Popen(
            [node, "driver.mjs", kind, url, token], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._count = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._child.stdout
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, word: str, name: str = "", **values: Any) -> Any:
        assert self._child.stdin
        self._child.stdin.write(json.dumps({"word": word, "name": name, **values}) + "\n")
        self._child.stdin.flush()
        line = self._lines.get(timeout=90)
        assert line, self._child.stderr.read() if self._child.stderr else ""
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def chat(self, **options: Any) -> Chat:
        self._count += 1
        return Chat(self, f"chat{self._count}", **options)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Return what the client has asked so far."""
        return list(self.ask("fetches"))

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()


Start = Callable[..., Process]


@pytest.fixture
def start(node: str, live: str) -> Iterator[Start]:
    """Return a maker of client processes."""
    made: list[Process] = []

    def make(kind: str, person: Person, token: str | None = None) -> Process:
        made.append(Process(node, kind, live, person.token if token is None else token))
        return made[-1]

    yield make
    for process in made:
        process.close()


def history(person: Person, chat: str) -> list[dict[str, Any]]:
    """Return what a reload gets."""
    answer = person.get(f"/api/chat/{chat}/messages")
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def settled(person: Person, chat: str, count: int) -> list[dict[str, Any]]:
    """Return the history once it has so many messages."""
    deadline = time.monotonic() + 60
    while len(found := history(person, chat)) != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found
