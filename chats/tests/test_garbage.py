"""What a turn has used is freed when it ends, and does not wait for Python's collector of cycles with its prompt."""

import gc
from collections.abc import Callable, Iterator

import pytest

from chats.tests.helpers import SSE
from conftest import Person
from llm.client.types import Prompt
from llm.testing import FakeProvider


def wait_for_all(alice: Person) -> None:
    assert alice.say(alice.chat(), "Question").status_code == 201


def read_a_stream(alice: Person) -> None:
    address = f"/api/chats/{alice.chat()}/messages/"
    assert "event: end" in alice.post(address, {"content": "Question"}, headers=SSE).text


def complete(alice: Person) -> None:
    body = {"model": "openai", "messages": [{"role": "user", "content": "Question"}]}
    key = alice.post("/api/keys/", {"name": "cli"}).json()["key"]
    answer = alice.post("/v1/chat/completions", body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


@pytest.fixture
def saved() -> Iterator[list[object]]:
    """Yield what only the collector would free, from here on."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("ask", [wait_for_all, read_a_stream, complete])
@pytest.mark.parametrize("fails", [False, True])
def test_no_prompt_waits_for_the_collector(
    alice: Person, fake: FakeProvider, saved: list[object], ask: Callable[[Person], None], fails: bool, settings
) -> None:
    if fails:
        fake.script(status=503)
        settings.PROVIDER_RETRIES = 1
    ask(alice)

    gc.collect()

    assert [each for each in saved if isinstance(each, Prompt)] == []
