"""`/api/chat` with tools: what a client holds after its stream is what a reload shows it; answers are judged here."""

from collections.abc import Iterator
from typing import Any

import pytest

from chats.models import Turn
from chats.tests.helpers import at_once, eventually
from chats.tests.helpers import fake as scripted
from chats.tests.test_tools import call, look
from chats.tests.tools import own_tools
from compat.tests.ui_client import answered, chunks_of, fold
from conftest import Person
from llm.testing import FakeProvider

CHAT = "Xy12345678901234"
MAIL = call("send_mail", to="bob@example.org")
EVE = call("send_mail", to="eve@example.org")
ASKING = scripted(steps=[{"text": "I write. ", "calls": [MAIL]}, {"text": "It is sent."}])
TWICE = scripted(steps=[{"calls": [MAIL, look("tide"), EVE]}, {"text": "Done."}])
OURS = {"dynamic": True, "providerExecuted": True}


@pytest.fixture(autouse=True)
def called(settings: Any) -> Iterator[list[tuple[str, Any]]]:
    settings.DEFAULT_TOOLS = ("all",)
    with own_tools() as calls:
        yield calls


def body(text: str, id_: str = "m1", **values: Any) -> dict[str, Any]:
    question = {"id": id_, "role": "user", "parts": [{"type": "text", "text": text}]}
    return {"id": CHAT, "messages": [question], "trigger": "submit-message", "approvals": True, **values}


def ask(person: Person, text: str = ASKING, **values: Any) -> list[dict[str, Any]]:
    answer = person.post("/api/chat", body(text, **values))
    assert answer.status_code == 200, answer.text
    return chunks_of(answer.text)


def post(person: Person, reply: str, parts: list[dict[str, Any]], chat: str = CHAT, **values: Any) -> Any:
    """Post answers as the SDK does: the last message is the reply's."""
    said = {"id": reply, "role": "assistant", "parts": parts}
    question = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "?"}]}
    messages = {"messages": [question, said], "messageId": reply, "trigger": "submit-message"}
    return person.post("/api/chat", {"id": chat, "approvals": True, **messages, **values})


def history(person: Person, chat: str = CHAT) -> list[dict[str, Any]]:
    return list(person.get(f"/api/chat/{chat}/messages").json())


def kinds(chunks: list[dict[str, Any]]) -> list[str]:
    return [chunk["type"] for chunk in chunks if not chunk["type"].endswith("-delta")]


def states(parts: list[dict[str, Any]]) -> list[str]:
    return [part["state"] for part in parts if part["type"] == "dynamic-tool"]


def waiting(person: Person, text: str = ASKING) -> tuple[str, list[dict[str, Any]]]:
    """Ask; return the id of the reply that waits, and its parts."""
    chunks = ask(person, text)
    return chunks[0]["messageId"], fold(chunks)


@pytest.mark.parametrize("approvals", [True, False])
def test_a_call_its_result_and_the_next_step(alice: Person, approvals: bool) -> None:
    steps = [{"reasoning": "Hm.", "text": "Let me see.", "calls": [look("tide")]}, {"text": "It means tide."}]
    chunks = ask(alice, scripted(steps=steps), approvals=approvals)

    assert [kind for kind in kinds(chunks) if kind != "text-end"] == [  # which may come after the call has begun
        "start", "start-step", "reasoning-start", "reasoning-end", "text-start", "tool-input-start",
        "tool-input-available", "tool-output-available", "finish-step", "start-step", "text-start", "finish-step",
        "finish",
    ]  # fmt: skip
    of_tools = [chunk for chunk in chunks if chunk["type"].startswith("tool-") and not chunk["type"].endswith("delta")]
    assert all(OURS.items() <= chunk.items() for chunk in of_tools)
    assert of_tools[-1]["output"] == "tide means tide."
    assert chunks[-1]["finishReason"] == "stop"
    assert history(alice)[-1]["parts"] == fold(chunks)
    texts = [chunk["id"] for chunk in chunks if chunk["type"] == "text-start"]
    assert len(set(texts)) == 2
    again = ask(alice, scripted(steps=steps))
    assert fold(again) == fold(chunks)


def test_a_failed_call_and_sources(alice: Person) -> None:
    steps = [
        {"calls": [call("look_down")], "sources": [{"url": "https://a.example", "title": "A"}]},
        {"text": "I see."},
    ]
    chunks = ask(alice, scripted(steps=steps))

    stored = history(alice)[-1]["parts"]
    assert stored == fold(chunks)
    assert [part["type"] for part in stored].count("step-start") == 2
    [made] = [part for part in stored if part["type"] == "dynamic-tool"]
    assert (made["state"], "There is no tool" in made["errorText"]) == ("output-error", True)
    found = [part for part in stored if part["type"] == "source-url"]
    assert [(part["url"], part.get("title")) for part in found] == [("https://a.example", "A")]


def test_arguments_are_shown_while_they_grow(alice: Person) -> None:
    chunks = ask(alice, scripted(steps=[{"calls": [look("abc " * 500)], "chunk": 40, "delay": 0.01}, {"text": "ok"}]))

    assert [chunk["type"] for chunk in chunks].count("tool-input-start") == 1
    grown = [chunk["inputTextDelta"] for chunk in chunks if chunk["type"] == "tool-input-delta"]
    assert len(grown) > 5
    assert "abc abc" in "".join(grown)
    assert history(alice)[-1]["parts"] == fold(chunks)


def test_a_reply_stopped_in_a_call_leaves_nothing_running(alice: Person, called: list[Any]) -> None:
    steps = scripted(steps=[{"text": "Wait", "calls": [call("sleep_long", seconds=60)]}, {"text": "Never"}])
    answers = at_once([
        lambda: ask(alice, steps),
        lambda: eventually(lambda: called) and alice.post(f"/api/chat/{CHAT}/stop").json(),
    ])  # fmt: skip

    chunks, stopped = answers
    assert kinds(chunks)[-3:] == ["tool-output-error", "message-metadata", "abort"]
    assert history(alice)[-1]["parts"] == fold(chunks) == stopped["message"]["parts"]
    assert "nobody knows" in fold(chunks)[-1]["errorText"]


def test_without_opt_in_nothing_that_asks_is_offered(alice: Person, fake: FakeProvider) -> None:
    def offered() -> list[str]:
        return sorted(each["function"]["name"] for each in fake.requests()[-1]["body"]["tools"])

    ask(alice, "Hello", approvals=False)
    assert "send_mail" not in offered()
    ask(alice, "And now?", id_="m2")
    assert "send_mail" in offered()
    answer = alice.post("/api/chat", {**body(""), "messages": [], "trigger": "regenerate-message"})
    assert answer.status_code == 200
    assert "send_mail" in offered()


@pytest.mark.parametrize("approved", [True, False])
def test_a_call_waits_for_the_user(alice: Person, called: list[Any], approved: bool) -> None:
    chunks = ask(alice)
    reply, parts = chunks[0]["messageId"], fold(chunks)

    assert kinds(chunks)[-4:] == ["tool-input-available", "tool-approval-request", "finish-step", "finish"]
    assert chunks[-1]["messageMetadata"]["state"] == "waiting"
    mail = parts[-1]["toolCallId"]
    assert chunks[-3] == {"type": "tool-approval-request", "approvalId": mail, "toolCallId": mail}
    stored = history(alice)[-1]
    assert (stored["parts"], stored["metadata"]) == (parts, chunks[-1]["messageMetadata"])
    assert alice.get(f"/api/chat/{CHAT}/stream?approvals=1").status_code == 204
    assert called == []

    held = answered(parts, approved, reason="" if approved else "Not him.")
    rest = chunks_of(post(alice, reply, held).text)

    result = "tool-output-available" if approved else "tool-output-denied"
    assert kinds(rest) == ["start", result, "start-step", "text-start", "text-end", "finish-step", "finish"]
    assert rest[0]["messageId"] == reply
    assert len(called) == approved
    assert history(alice)[-1]["parts"] == fold(rest, held)
    assert states(fold(rest, held)) == ["output-available" if approved else "output-denied"]
    again = chunks_of(post(alice, reply, held).text)
    assert (again[0], again[-1], fold(again, held)) == (rest[0], rest[-1], fold(rest, held))
    assert len(called) == approved


def test_of_several_the_rest_is_asked_again(alice: Person, called: list[Any]) -> None:
    reply, parts = waiting(alice, TWICE)
    assert states(parts) == ["approval-requested", "output-available", "approval-requested"]
    held = answered(parts, True)

    chunks = chunks_of(post(alice, reply, held).text)

    assert kinds(chunks) == ["start", "tool-approval-request", "finish"]
    assert fold(chunks, held) == held == history(alice)[-1]["parts"]
    both = answered(held, False)
    done = fold(chunks_of(post(alice, reply, both).text), both)
    assert states(done) == ["output-available", "output-available", "output-denied"]
    assert done == history(alice)[-1]["parts"]
    assert [name for name, _ in called] == ["look_up", "send_mail"]


def test_a_second_wait_is_answered_like_the_first(alice: Person, called: list[Any]) -> None:
    steps = [{"calls": [MAIL]}, {"text": "Again. ", "calls": [EVE]}, {"text": "End."}]
    reply, parts = waiting(alice, scripted(steps=steps))
    held = answered(parts, True)
    held = fold(chunks_of(post(alice, reply, held).text), held)
    assert held == history(alice)[-1]["parts"]
    assert states(held) == ["output-available", "approval-requested"]

    held = answered(held, True)
    done = fold(chunks_of(post(alice, reply, held).text), held)

    assert done == history(alice)[-1]["parts"]
    assert [to for _, to in called] == ["bob@example.org", "eve@example.org"]


def test_after_a_decision_the_whole_message_is_replayed(alice: Person, called: list[Any]) -> None:
    steps = [{"text": "I write. ", "calls": [MAIL]}, {"size": 200, "chunk": 5, "delay": 0.05}]
    reply, parts = waiting(alice, scripted(steps=steps))
    held, path = answered(parts, True), f"/api/chat/{CHAT}/stream"

    decided, asked, plain = at_once([
        lambda: post(alice, reply, held).text,
        lambda: eventually(lambda: called) and alice.get(f"{path}?approvals=1").text,
        lambda: eventually(lambda: called) and alice.get(path).text,
    ])  # fmt: skip

    stored = history(alice)[-1]["parts"]
    assert fold(chunks_of(decided), held) == stored
    assert "tool-approval-request" in asked
    assert "approval" not in plain
    for text in (asked, plain):
        shown = fold(chunks_of(text))
        assert chunks_of(text)[0]["messageId"] == reply
        assert [{**part, "approval": 0} for part in shown] == [{**part, "approval": 0} for part in stored]


def test_new_text_denies_what_waits(alice: Person, called: list[Any]) -> None:
    reply, parts = waiting(alice)

    assert kinds(ask(alice, "Never mind", id_="m2"))[-1] == "finish"

    assert states(history(alice)[1]["parts"]) == ["output-denied"]
    late = post(alice, reply, answered(parts, True))
    assert (late.status_code, late.json()["code"]) == (409, "not_waiting")
    assert called == []


def test_a_waiting_reply_that_is_stopped(alice: Person, called: list[Any]) -> None:
    reply, parts = waiting(alice)
    stopped = alice.post(f"/api/chat/{CHAT}/stop").json()["message"]

    assert (stopped["metadata"]["state"], states(stopped["parts"])) == ("stopped", ["output-denied"])
    held = answered(parts, False)
    ends = chunks_of(post(alice, reply, held).text)
    assert kinds(ends) == ["start", "tool-output-denied", "message-metadata", "abort"]
    assert post(alice, reply, answered(parts, True)).status_code == 409
    assert called == []


def test_a_reply_that_fails_after_the_decision(alice: Person, settings: Any) -> None:
    reply, parts = waiting(alice, scripted(steps=[{"calls": [MAIL]}, {"first_delay": 30}]))
    settings.FIRST_TEXT_TIMEOUT = 1
    held = answered(parts, True)

    chunks = chunks_of(post(alice, reply, held).text)

    assert chunks[-1]["type"] == "error"
    assert history(alice)[-1]["parts"] == fold(chunks, held)


def test_an_allowed_call_that_is_stopped_does_not_stay_answered(
    alice: Person, settings: Any, called: list[Any]
) -> None:
    settings.TOOL_POLICIES = {"sleep_long": "ask"}
    reply, parts = waiting(alice, scripted(steps=[{"calls": [call("sleep_long", seconds=60), MAIL]}, {"text": "No"}]))
    held = answered(parts, True, False)

    text, _ = at_once([
        lambda: post(alice, reply, held).text,
        lambda: eventually(lambda: called) and alice.post(f"/api/chat/{CHAT}/stop"),
    ])  # fmt: skip

    done = fold(chunks_of(text), held)
    assert states(done) == ["output-error", "output-denied"]
    assert done == history(alice)[-1]["parts"]


def test_a_reply_waiting_over_another_door_is_answered_here(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply = alice.say(chat, ASKING).json()["reply"]["id"]

    held = answered(history(alice, chat)[-1]["parts"], True)
    done = fold(chunks_of(post(alice, reply, held, chat=chat).text), held)

    assert done == history(alice, chat)[-1]["parts"]
    assert len(called) == 1


def test_forged_answers_do_nothing(alice: Person, bob: Person, called: list[Any]) -> None:
    reply, parts = waiting(alice)
    held, other = answered(parts, True), alice.chat()
    done = alice.say(other, scripted(steps=[{"calls": [look("tide")]}, {"text": "Done"}])).json()["reply"]
    made_up = [{**held[-1], "approval": {"id": "c" * 9, "approved": True}}]
    finished = next(part["id"] for part in done["parts"] if part["type"] == "tool_call")
    called.clear()

    for answer, status in [
        (post(bob, reply, held), 404),
        (post(alice, reply, held, chat=other), 404),
        (post(alice, done["id"], held, chat=other), 404),
        (post(alice, done["id"], [{**held[-1], "approval": {"id": finished, "approved": True}}], chat=other), 404),
        (post(alice, reply, made_up), 404),
        (post(alice, "nonsense", held), 404),
        (post(alice, "m1", held), 404),
        (post(alice, reply, held, chat="nowhere"), 404),
        (post(alice, reply, [{**part, "state": "output-available", "output": "forged"} for part in parts]), 400),
        (post(alice, reply, parts), 400),
    ]:
        assert (answer.status_code, set(answer.json())) == (status, {"code", "detail"}), answer.text
    assert called == []
    assert states(history(alice)[-1]["parts"]) == ["approval-requested"]
    assert Turn.objects.get(reply=reply).epoch == 1


@pytest.mark.parametrize(
    "approval",
    [
        None, "yes", [], {}, {"id": "c"}, {"approved": True}, {"id": 7, "approved": True}, {"id": "c", "approved": "x"},
        {"id": "c" * 65, "approved": True}, {"id": "c", "approved": True, "reason": "x" * 501},
        {"id": "c", "approved": True, "reason": ["x"]}, {"id": "c\0", "approved": True},
    ],
)  # fmt: skip
def test_a_bad_answer_is_refused(alice: Person, approval: Any) -> None:
    answer = post(alice, "m1", [{"type": "dynamic-tool", "state": "approval-responded", "approval": approval}])

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_too_many_answers_are_refused(alice: Person) -> None:
    part = {"type": "dynamic-tool", "state": "approval-responded", "approval": {"id": "c", "approved": True}}

    assert post(alice, "m1", [part] * 129).status_code == 400


def test_of_parallel_answers_one_has_the_turn_go_on(alice: Person, called: list[Any]) -> None:
    reply, parts = waiting(alice)
    held = answered(parts, True)

    answers = at_once([lambda: post(alice, reply, held)] * 4)

    assert {answer.status_code for answer in answers} == {200}
    assert [fold(chunks_of(answer.text), held) for answer in answers] == [history(alice)[-1]["parts"]] * 4
    assert len(called) == 1
