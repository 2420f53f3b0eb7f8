"""Steps: a reply that asks for tools, has them carried out, and goes on; alike for every reader and every vendor."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chats.models import Chunk
from chats.tests.helpers import begin, ended, eventually, followed, sent, streaming
from chats.tests.helpers import fake as scripted
from chats.tests.tools import own_tools
from conftest import Person
from llm.testing import FakeProvider

BOTH = pytest.mark.parametrize("vendor", ["openai", "gemini"])


@pytest.fixture(autouse=True)
def called(settings: Any) -> Iterator[list[tuple[str, Any]]]:
    settings.DEFAULT_TOOLS = ("all",)
    with own_tools() as calls:
        yield calls


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def look(word: str, **more: Any) -> dict[str, Any]:
    return call("look_up", word=word, **more)


def kinds(reply: dict[str, Any]) -> list[str]:
    return [part["type"] for part in reply["parts"]]


def calls_in(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in reply["parts"] if part["type"] == "tool_call"]


@BOTH
def test_a_tool_is_called_and_the_model_told(alice: Person, fake: FakeProvider, vendor: str, called: list[Any]) -> None:
    chat = alice.chat(model=vendor)
    prompt = scripted(steps=[{"text": "Let me see.", "calls": [look("tide")]}, {"text": "It means tide."}])

    reply = alice.say(chat, prompt).json()["reply"]

    assert reply["state"] == "complete"
    assert reply["content"] == "Let me see.It means tide."
    assert kinds(reply) == ["text", "tool_call", "text"]
    [made] = calls_in(reply)
    assert made["input"] == {"word": "tide"}
    assert (made["state"], made["output"], made["title"]) == ("complete", "tide means tide.", "Look up")
    assert called == [("look_up", "tide")]
    assert len(fake.requests()) == 2
    assert "tide means tide." in str(fake.requests()[1]["body"])
    assert alice.messages(chat)[-1] == reply


@BOTH
def test_calls_of_one_step_run_side_by_side(alice: Person, vendor: str, called: list[Any]) -> None:
    chat = alice.chat(model=vendor)
    both = [call("sleep_long", seconds=1), call("sleep_long", seconds=1.01), look("x")]
    begun = time.monotonic()

    reply = alice.say(chat, scripted(steps=[{"calls": both}, {"text": "Done"}])).json()["reply"]

    assert time.monotonic() - begun < 1.9
    assert [each["state"] for each in calls_in(reply)] == ["complete"] * 3
    assert len({each["id"] for each in calls_in(reply)}) == 3
    assert reply["content"] == "Done"


@BOTH
def test_the_deltas_are_the_parts(alice: Person, vendor: str) -> None:
    chat = alice.chat(model=vendor)
    steps = [{"text": "One", "calls": [look("a"), look("b")]}, {"calls": [look("c", size=5000)]}, {"text": "Two"}]

    events = sent(alice, chat, scripted(steps=steps, chunk=3))

    deltas = [event.data for event in events if event.name == "delta"]
    assert [each["at"] for each in deltas] == sorted(each["at"] for each in deltas)
    assert [each["kind"] for each in deltas].count("tool_call") == 3
    assert [each["kind"] for each in deltas].count("tool_result") == 3
    reply = alice.messages(chat)[-1]
    assert events[-1].data == {"at": events[-1].data["at"], "message": reply}
    shown = [each["part"] for each in deltas if each["kind"] == "tool_call"]
    assert [(each["id"], each["input"]) for each in shown] == [(c["id"], c["input"]) for c in calls_in(reply)]
    ids = [event.id for event in events if event.id]
    assert ids == sorted(set(ids))
    again = followed(alice, chat, reply=reply["id"])
    assert [event.data for event in again if event.name == "delta" and event.data["kind"] != "text"] == [
        each for each in deltas if each["kind"] != "text"
    ]
    middle = next(event for event in events if event.name == "delta" and event.data["kind"] == "tool_result")
    rest = followed(alice, chat, after=middle.id)
    assert [event.id for event in rest if event.id][-1] == events[-1].id
    assert "".join(e.data["text"] for e in rest if e.name == "delta" and e.data["kind"] == "text") == "Two"


def test_a_long_output_stands_beside_the_reply(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()

    reply = alice.say(chat, scripted(steps=[{"calls": [look("a", size=50_000)]}, {"text": "Read."}])).json()["reply"]

    [made] = calls_in(reply)
    assert (len(made["output"]), made["length"]) == (2000, 50_010)
    assert "x" * 50_000 in str(fake.requests()[1]["body"])
    [beside] = Chunk.objects.filter(message=reply["id"]).values_list("kind", "text")
    assert (beside[0], len(beside[1])) == ("tool_output", 50_010)
    alice.say(chat, "And?")
    assert "x" * 1900 in str(fake.requests()[2]["body"])
    assert "x" * 2001 not in str(fake.requests()[2]["body"])
    assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204
    assert not Chunk.objects.filter(message=reply["id"]).exists()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "look_up", "arguments": '{"word": '}, "not a JSON object"),
        ({"name": "look_up", "arguments": {"word": 7}}, "word: Input should be"),
        ({"name": "give_up", "arguments": {}}, "give_up failed"),
        ({"name": "look_down", "arguments": {}}, "There is no tool"),
        ({"name": "look_up", "arguments": {"word": "a\0b", "size": -1}}, ""),
    ],
)
def test_a_call_that_cannot_be_made_is_told_to_the_model(
    alice: Person, fake: FakeProvider, asked: dict[str, Any], told: str
) -> None:
    chat = alice.chat()

    reply = alice.say(chat, scripted(steps=[{"calls": [asked]}, {"text": "I see."}])).json()["reply"]

    assert (reply["state"], reply["content"]) == ("complete", "I see.")
    if told:
        [made] = calls_in(reply)
        assert made["state"] == "failed"
        assert told in made["error"]
        assert told in str(fake.requests()[1]["body"])
    assert alice.messages(chat)[-1] == reply


def test_steps_have_an_end(alice: Person, settings: Any, fake: FakeProvider) -> None:
    settings.MAX_STEPS = 3
    chat = alice.chat()

    reply = alice.say(chat, scripted(steps=[{"calls": [look("a")]}])).json()["reply"]

    assert (reply["state"], reply["reason"]) == ("interrupted", "too_many_steps")
    assert len(fake.requests()) == 3
    assert len(calls_in(reply)) == 3


def test_a_call_that_was_never_begun_is_known_not_to_have_happened(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    begin(alice, chat, scripted(calls=[look(str(number)) for number in range(200)]), model="gemini")
    reply = ended(alice, chat)
    assert (reply["state"], reply["reason"]) == ("interrupted", "provider_broken")
    assert ({each["state"] for each in calls_in(reply)}, called) == ({"denied"}, [])


@BOTH
def test_what_a_filter_stopped_is_not_carried_out(
    alice: Person, fake: FakeProvider, vendor: str, called: list[Any]
) -> None:
    chat = alice.chat(model=vendor)

    alice.say(chat, scripted(text="I see. ", calls=[look("tide")], finish="content_filter"))

    reply = alice.messages(chat)[-1]
    assert (reply["state"], reply["reason"]) == ("blocked", "content_filter")
    assert ({each["state"] for each in calls_in(reply)}, called) == ({"denied"}, [])
    assert len(fake.requests()) == 1


@pytest.mark.parametrize("tool", ["sleep_long", "block_long"])
def test_stop_reaches_a_running_call(alice: Person, called: list[Any], tool: str) -> None:
    chat = alice.chat()
    arguments = {"seconds": 60} if tool == "sleep_long" else {}
    begin(alice, chat, scripted(steps=[{"text": "Wait", "calls": [call(tool, **arguments)]}, {"text": "Never"}]))
    eventually(lambda: called)
    begun = time.monotonic()

    stopped = alice.post(f"/api/chats/{chat}/stop/").json()

    assert time.monotonic() - begun < 2
    assert (stopped["state"], stopped["content"]) == ("stopped", "Wait")
    assert [each["state"] for each in calls_in(stopped)] == ["unknown"]
    assert alice.say(chat, "Go on").json()["reply"]["state"] == "complete"


def test_growing_arguments_are_shown_and_not_stored(alice: Person) -> None:
    chat = alice.chat()
    text = "abc " * 500
    with streaming(
        alice, chat, scripted(steps=[{"calls": [look(text)], "chunk": 40, "delay": 0.01}, {"text": "ok"}])
    ) as it:
        events = list(it)

    inputs = [event for event in events if event.name == "tool_input"]
    assert len(inputs) > 5
    assert all(event.id is None for event in inputs)
    joined = "".join(event.data["text"] for event in inputs)
    [made] = calls_in(ended(alice, chat))
    assert inputs[0].data["call"] == made["id"]
    assert text[:1000] in joined
    assert made["input"] == {"word": text}


@BOTH
def test_what_tools_said_is_context_of_the_next_turn(alice: Person, fake: FakeProvider, vendor: str) -> None:
    chat = alice.chat(model=vendor)
    alice.say(chat, scripted(steps=[{"calls": [look("moon")]}, {"text": "Fine."}]))

    assert alice.say(chat, "And now?").json()["reply"]["state"] == "complete"

    assert "moon means moon." in str(fake.requests()[-1]["body"])


def test_no_tool_is_offered_where_none_is_wanted(alice: Person, settings: Any, fake: FakeProvider) -> None:
    settings.DEFAULT_TOOLS = ()
    alice.say(alice.chat(), "Hello")

    assert "tools" not in fake.requests()[-1]["body"]


@BOTH
def test_sources_are_parts_where_no_tool_is_offered_too(alice: Person, settings: Any, vendor: str) -> None:
    settings.DEFAULT_TOOLS = ()
    chat = alice.chat(model=vendor)

    reply = alice.say(chat, scripted(text="See.", sources=[{"url": "https://example.org/a", "title": "A"}])).json()[
        "reply"
    ]

    assert (reply["state"], reply["content"]) == ("complete", "See.")
    assert reply["parts"][-1] == {"type": "source", "url": "https://example.org/a", "title": "A"}


def test_a_call_that_does_not_stop_says_nothing_after_the_end(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    begin(alice, chat, scripted(steps=[{"text": "Wait", "calls": [call("stay_on", seconds=4)]}, {"text": "Never"}]))
    eventually(lambda: called)
    begun = time.monotonic()

    stopped = alice.post(f"/api/chats/{chat}/stop/").json()

    assert time.monotonic() - begun < 2
    eventually(lambda: ("stay_on", "over") in called)
    events = followed(alice, chat, reply=stopped["id"])
    assert [each["state"] for each in calls_in(stopped)] == ["unknown"]
    assert [event.data["kind"] for event in events if event.name == "delta"] == ["text", "tool_call"]
    assert events[-1].data["message"] == alice.messages(chat)[-1] == stopped


def test_a_later_step_without_a_word_interrupts_and_does_not_fail(alice: Person, settings: Any) -> None:
    settings.FIRST_TEXT_TIMEOUT = 0.5
    chat = alice.chat()
    steps = [{"text": "Let me see.", "calls": [look("a")]}, {"text": "late", "first_delay": 5}]

    reply = alice.say(chat, scripted(steps=steps)).json()["reply"]

    assert (reply["state"], reply["reason"]) == ("interrupted", "provider_timeout")
    assert reply["content"] == "Let me see."


def test_a_refusal_of_the_provider_s_own_state_is_answered_without_it(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="gemini")
    fake.script(calls=[look("a")], signature="sig-1")
    fake.script(status=400, times=1)

    reply = alice.say(chat, "Look a up").json()["reply"]

    first, second, third = (str(each["body"]) for each in fake.requests())
    assert ("sig-1" in first, "sig-1" in second, "sig-1" in third) == (False, True, False)
    assert reply["state"] == "complete"
