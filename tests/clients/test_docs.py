"""Every snippet of docs/clients.md does what the page says."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chats.tests.helpers import fake
from chats.tests.tools import own_tools
from conftest import PASSWORD, Person

HERE = Path(__file__).parent
PAGE = (HERE.parent.parent / "docs" / "clients.md").read_text()
SNIPPETS: dict[str, str] = dict(re.findall(r"^```([\w ]+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
Run = Callable[..., str]


@pytest.fixture
def run(live: str, alice: Person) -> Run:
    """Return a runner of commands with what the snippets expect in their environment."""
    key = alice.post("/api/keys/", {"name": "docs"}).json()["key"]
    known = {
        "PARLEY": live, "EMAIL": alice.email, "PASSWORD": PASSWORD, "TOKEN": alice.token, "PARLEY_KEY": key,
        "CHAT": alice.chat(),
    }  # fmt: skip

    def go(*command: str, **kwargs: Any) -> str:
        done = subprocess.run(
            command, env={**os.environ, **known}, cwd=HERE, capture_output=True, text=True, timeout=60, **kwargs
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return go


def test_every_snippet_is_tested() -> None:
    assert set(SNIPPETS) == {"sh", "js react", "js approvals", "js vue", "python", "js openai", "python websocket"}


def test_curl(run: Run) -> None:
    answer = run("bash", "-euc", SNIPPETS["sh"])

    assert "Hello from curl" in answer
    assert "event: end" in answer


@pytest.mark.parametrize(
    ("name", "said"), [("python", "Hello from Python"), ("python websocket", "Hello from a socket")]
)
def test_python(name: str, said: str, run: Run) -> None:
    assert said in run(sys.executable, "-c", SNIPPETS[name])


def test_node(node: str, run: Run) -> None:
    assert "Hello from node" in run(node, "--input-type=module", "-", input=SNIPPETS["js openai"])


@pytest.mark.parametrize("kind", ["react", "vue"])
def test_front_ends(kind: str, node: str, run: Run, live: str, alice: Person) -> None:
    assert f"Hello from {kind}" in front_end(run, node, kind, live, alice.token)


def test_approvals(node: str, run: Run, live: str, alice: Person, settings: Any) -> None:
    settings.DEFAULT_TOOLS = ("all",)
    steps = [{"calls": [{"name": "send_mail", "arguments": {"to": "bob@example.org"}}]}, {"text": "It is sent."}]
    with own_tools() as called:
        answer = front_end(run, node, "approvals", live, alice.token, fake(steps=steps))

    assert answer.splitlines() == ['asked send_mail {"to":"bob@example.org"}', "It is sent."]
    assert called == [("send_mail", "bob@example.org")]


def front_end(run: Run, node: str, kind: str, *args: str) -> str:
    """Return what the snippet of this name prints, run as a module that finds the packages."""
    file = HERE / "node_modules" / f".snippet-{kind}-{os.getpid()}.mjs"
    file.write_text(SNIPPETS[f"js {kind}"])
    try:
        return run(node, "snippet.mjs", kind, str(file), *args)
    finally:
        file.unlink()
