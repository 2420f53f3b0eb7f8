"""AI SDK as it comes from npm, majors 5 to 7, where a reply calls tools, and where it asks before it does."""

from collections.abc import Iterator
from typing import Any

import pytest

from chats.tests.helpers import at_once, eventually
from chats.tests.helpers import fake as scripted
from chats.tests.test_tools import call, look
from chats.tests.tools import own_tools
from conftest import Person
from tests.clients.conftest import Chat, Process, Start, history, text_of

MAIL, EVE = call("send_mail", to="bob@example.org"), call("send_mail", to="eve@example.org")
ASKING = scripted(steps=[{"text": "I write. ", "calls": [MAIL]}, {"text": "It is sent."}])
every_major = pytest.mark.parametrize("kind", ["ai5", "ai6", "ai7"])
with_approvals = pytest.mark.parametrize("kind", ["ai6", "ai7"])
either_way = pytest.mark.parametrize("approved", [True, False])


@pytest.fixture(autouse=True)
def called(settings: Any) -> Iterator[list[tuple[str, Any]]]:
    settings.DEFAULT_TOOLS = ("all",)
    with own_tools() as calls:
        yield calls


def shown(chat: Chat) -> list[dict[str, Any]]:
    """Return the parts of the last message; ai 5 keeps the ids of reasoning chunks in them."""
    parts = chat.look()["messages"][-1]["parts"]
    return [{name: part[name] for name in part if (part["type"], name) != ("reasoning", "id")} for part in parts]


def stored(person: Person, chat: Chat) -> list[dict[str, Any]]:
    return list(history(person, chat.id)[-1]["parts"])


def calls_of(chat: Chat) -> list[dict[str, Any]]:
    return [part for part in shown(chat) if part["type"] == "dynamic-tool"]


def states(chat: Chat) -> list[str]:
    return [part["state"] for part in calls_of(chat)]


def asking(process: Process, text: str = ASKING, **options: Any) -> Chat:
    """Return a chat whose reply waits for its user."""
    chat = process.chat(tools=True, approvals=True, **options)
    chat.say(text)
    assert "approval-requested" in states(chat)
    return chat


def requests(chat: Chat) -> list[str]:
    return [part["approval"]["id"] for part in calls_of(chat) if part["state"] == "approval-requested"]


@every_major
def test_what_is_shown_of_tools_is_what_is_stored(kind: str, start: Start, alice: Person) -> None:
    process = start(kind, alice)
    chat = process.chat(tools=True)
    long = {"calls": [look("abc " * 400), call("look_down")], "chunk": 40, "delay": 0.01}
    source = {"sources": [{"url": "https://a.example", "title": "A"}]}

    seen = chat.say(scripted(steps=[{"reasoning": "Hm.", "text": "See.", **long}, {"text": "It means ", **source}]))

    assert shown(chat) == stored(alice, chat)
    assert states(chat) == ["output-available", "output-error"]
    assert [part["type"] for part in shown(chat)].count("step-start") == 2
    assert seen["messages"][-1]["metadata"] == history(alice, chat.id)[-1]["metadata"]
    assert text_of(seen["messages"][-1]) == "See.It means "
    assert len(process.requests) == 1


@every_major
def test_a_reply_that_ends_with_a_call_is_not_posted_again(
    kind: str, start: Start, alice: Person, settings: Any
) -> None:
    settings.MAX_STEPS = 1
    process = start(kind, alice)
    chat = process.chat(tools=True)
    chat.send(scripted(steps=[{"calls": [look("tide")]}]))

    seen = chat.wait("error")

    assert "too many times" in seen["error"]
    assert shown(chat) == stored(alice, chat)
    assert len(process.requests) == 1


@every_major
def test_a_reply_stopped_in_a_call(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    process = start(kind, alice)
    chat = process.chat(tools=True)
    chat.send(scripted(steps=[{"text": "Wait", "calls": [call("sleep_long", seconds=60)]}, {"text": "Never"}]))
    eventually(lambda: called)

    alice.post(f"/api/chat/{chat.id}/stop")
    chat.wait()

    assert states(chat) == ["output-error"]
    assert shown(chat) == stored(alice, chat)
    assert len(process.requests) == 1


@every_major
def test_who_left_resumes_in_the_middle_of_calls(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    first = start(kind, alice).chat(tools=True)
    first.send(scripted(steps=[{"text": "Wait", "calls": [call("sleep_long", seconds=2)]}, {"text": "There."}]))
    eventually(lambda: called)
    first.leave()

    again = start(kind, alice).chat(id=first.id, messages=history(alice, first.id), tools=True)
    again.resume()
    again.wait("ready", text="There.")

    assert shown(again) == stored(alice, again)
    assert states(again) == ["output-available"]


@every_major
def test_without_opt_in_nobody_is_asked(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    chat = start(kind, alice).chat(tools=True)

    chat.say(ASKING)

    assert called == []
    assert states(chat) == ["output-error"]
    assert shown(chat) == stored(alice, chat)


@with_approvals
@either_way
def test_the_reply_goes_on_once_the_user_has_answered(
    kind: str, approved: bool, start: Start, alice: Person, called: list[Any]
) -> None:
    process = start(kind, alice)
    chat = asking(process)
    assert shown(chat) == stored(alice, chat)
    assert (len(process.requests), called) == (1, [])
    reply = chat.look()["messages"][-1]["id"]

    chat.answer(requests(chat)[0], approved, **({} if approved else {"reason": "Not him."}))
    seen = chat.wait("ready", text="It is sent.")

    assert states(chat) == ["output-available" if approved else "output-denied"]
    assert shown(chat) == stored(alice, chat)
    assert [message["id"] for message in seen["messages"]] == [message["id"] for message in history(alice, chat.id)]
    assert (seen["messages"][-1]["id"], len(called)) == (reply, approved)
    assert seen["messages"][-1]["metadata"]["state"] == "complete"
    assert len(process.requests) == 2


@with_approvals
@either_way
def test_a_reload_in_between_answers_as_well(
    kind: str, approved: bool, start: Start, alice: Person, called: list[Any]
) -> None:
    first = asking(start(kind, alice))

    process = start(kind, alice)
    again = process.chat(id=first.id, messages=history(alice, first.id), tools=True, approvals=True)
    again.resume()
    again.wait()
    assert process.requests[0]["status"] == 204
    again.answer(requests(again)[0], approved)
    again.wait("ready", text="It is sent.")

    assert shown(again) == stored(alice, again)
    assert (len(again.look()["messages"]), len(called)) == (2, approved)
    assert len(process.requests) == 2
    third = start(kind, alice).chat(id=first.id, messages=history(alice, first.id), tools=True, approvals=True)
    assert third.say("Thanks")["messages"][-1]["metadata"]["state"] == "complete"


@with_approvals
def test_the_docs_own_recipe_answers_with_the_last_message_alone(
    kind: str, start: Start, alice: Person, called: list[Any]
) -> None:
    chat = asking(start(kind, alice), lastOnly=True)

    chat.answer(requests(chat)[0], True)
    chat.wait("ready", text="It is sent.")

    assert (shown(chat), len(called)) == (stored(alice, chat), 1)


@with_approvals
def test_several_calls_are_answered_one_after_the_other(
    kind: str, start: Start, alice: Person, called: list[Any]
) -> None:
    process = start(kind, alice)
    chat = asking(process, scripted(steps=[{"calls": [MAIL, look("tide"), EVE]}, {"text": "It is done."}]))
    first, second = requests(chat)

    chat.answer(first, True)
    chat.wait()
    assert (len(process.requests), states(chat)[0]) == (1, "approval-responded")
    chat.post()  # by hand, too soon: the rest is asked again
    chat.wait()
    assert (len(process.requests), requests(chat)) == (2, [second])
    assert shown(chat) == stored(alice, chat)

    reloaded = start(kind, alice).chat(id=chat.id, messages=history(alice, chat.id), tools=True, approvals=True)
    reloaded.answer(second, False)
    reloaded.wait("ready", text="It is done.")
    assert states(reloaded) == ["output-available", "output-available", "output-denied"]
    assert shown(reloaded) == stored(alice, reloaded)
    assert [name for name, _ in called] == ["look_up", "send_mail"]


@with_approvals
def test_a_second_request_in_the_same_reply(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    steps = [{"calls": [MAIL]}, {"text": "Again. ", "calls": [EVE]}, {"text": "The end."}]
    chat = asking(start(kind, alice), scripted(steps=steps))

    chat.answer(requests(chat)[0], True)
    chat.wait("ready", text="Again.")
    assert shown(chat) == stored(alice, chat)
    chat.answer(requests(chat)[0], True)
    chat.wait("ready", text="The end.")

    assert shown(chat) == stored(alice, chat)
    assert [to for _, to in called] == ["bob@example.org", "eve@example.org"]


@with_approvals
def test_a_second_device_resumes_after_the_decision(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    steps = [{"text": "I write. ", "calls": [MAIL]}, {"size": 300, "chunk": 5, "delay": 0.05}]
    chat = asking(start(kind, alice), scripted(steps=steps))
    known = history(alice, chat.id)
    other = start(kind, alice).chat(id=chat.id, messages=known, tools=True, approvals=True)
    late = start(kind, alice).chat(id=chat.id, messages=known[:1], tools=True, approvals=True)

    chat.answer(requests(chat)[0], True)
    eventually(lambda: called)
    at_once([other.resume])
    late.resume()

    for each in (chat, other, late):
        each.wait("ready", text="quick")
    bare = [{**part, "approval": None} for part in stored(alice, chat)]
    assert shown(chat) == stored(alice, chat)
    for each in (other, late):  # no chunk that ai 6 takes tells a reader of another's verdict
        assert [{**part, "approval": None} for part in shown(each)] == bare
        assert len(each.look()["messages"]) == 2


@with_approvals
def test_new_text_instead_of_an_answer(kind: str, start: Start, alice: Person, called: list[Any]) -> None:
    process = start(kind, alice)
    chat = asking(process)
    old = requests(chat)[0]

    seen = chat.say("Never mind")

    assert [message["role"] for message in seen["messages"]] == ["user", "assistant"] * 2
    assert len(process.requests) == 2
    assert called == []
    chat.answer(old, True)
    chat.wait()
    chat.post()
    chat.wait("error")
    assert process.requests[-1]["status"] in (400, 409)
    assert called == []


@with_approvals
def test_a_reply_that_is_stopped_after_the_answer_is_not_posted_again(
    kind: str, start: Start, alice: Person, called: list[Any]
) -> None:
    process = start(kind, alice)
    chat = asking(process, scripted(steps=[{"calls": [MAIL, call("sleep_long", seconds=0.01)]}, {"first_delay": 20}]))
    chat.answer(requests(chat)[0], True)
    eventually(lambda: called[1:])

    alice.post(f"/api/chat/{chat.id}/stop")
    chat.wait()

    assert "approval-responded" not in states(chat)
    assert shown(chat) == stored(alice, chat)
    assert len(process.requests) == 2
