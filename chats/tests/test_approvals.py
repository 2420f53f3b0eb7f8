"""Replies that wait for their user's word: over every door that can ask, whoever is quicker, whatever is claimed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chats.models import Chunk, ToolCall, ToolGrant, Turn
from chats.tests.helpers import at_once, begin, ended, events_in, eventually, followed, is_refusal, parts_in, reply_of
from chats.tests.helpers import fake as scripted
from chats.tests.test_tools import call, calls_in, look
from chats.tests.tools import own_tools
from conftest import PASSWORD, Person
from llm.testing import FakeProvider

BOTH = pytest.mark.parametrize("vendor", ["openai", "gemini"])
MAIL = call("send_mail", to="bob@example.org")
ASKING = scripted(steps=[{"text": "I write. ", "calls": [MAIL]}, {"text": "It is sent."}])


@pytest.fixture(autouse=True)
def called(settings: Any) -> Iterator[list[tuple[str, Any]]]:
    settings.DEFAULT_TOOLS = ("all",)
    with own_tools() as calls:
        yield calls


def decide(person: Person, chat: str, reply: dict[str, Any], *verdicts: Any, query: str = "", **more: Any) -> Any:
    said = [{"call": id_, "approved": approved, **more} for id_, approved in verdicts]
    return person.post(f"/api/chats/{chat}/messages/{reply['id']}/approvals/{query}", {"approvals": said})


def waiting(person: Person, chat: str, prompt: str = ASKING) -> tuple[dict[str, Any], list[str]]:
    """Ask, and return the reply that waits with the ids of its open calls."""
    answer = person.say(chat, prompt)
    reply = answer.json()["reply"]
    assert (answer.status_code, reply["state"]) == (201, "waiting")
    return reply, [each["id"] for each in calls_in(reply) if each["state"] == "waiting"]


def sign_in(person: Person) -> None:
    answer = person.post("/api/token/", {"email": person.email, "password": PASSWORD})
    person.http.headers["Authorization"] = f"Bearer {answer.json()['access']}"


@BOTH
def test_a_call_is_made_once_it_is_allowed(alice: Person, fake: FakeProvider, vendor: str, called: list[Any]) -> None:
    chat = alice.chat(model=vendor)
    reply, [mail] = waiting(alice, chat)
    assert called == []
    assert calls_in(reply)[0]["input"] == {"to": "bob@example.org"}

    answer = decide(alice, chat, reply, (mail, True))

    done = answer.json()["reply"]
    assert (answer.status_code, done["state"], done["content"]) == (201, "complete", "I write. It is sent.")
    assert (done["id"], called) == (reply["id"], [("send_mail", "bob@example.org")])
    assert calls_in(done)[0]["state"] == "complete"
    assert len(fake.requests()) == 2
    assert alice.messages(chat)[-1] == done
    assert not Chunk.objects.filter(message=reply["id"]).exists()


def test_what_is_denied_is_not_made(alice: Person, fake: FakeProvider, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    done = decide(alice, chat, reply, (mail, False), reason="Not him.").json()["reply"]

    assert (done["state"], called) == ("complete", [])
    assert calls_in(done)[0]["state"] == "denied"
    assert "did not allow" in str(fake.requests()[1]["body"])
    assert "Not him." in str(fake.requests()[1]["body"])


def test_others_of_the_step_run_at_once_and_all_must_be_decided(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    two = [MAIL, look("tide"), call("send_mail", to="eve@example.org")]
    reply, [first, second] = waiting(alice, chat, scripted(steps=[{"calls": two}, {"text": "Done."}]))
    assert called == [("look_up", "tide")]

    rest = decide(alice, chat, reply, (first, True))

    assert (rest.status_code, rest.json()["reply"]["state"]) == (200, "waiting")
    assert [each["id"] for each in rest.json()["waiting"]["calls"]] == [second]
    assert called == [("look_up", "tide")]
    done = decide(alice, chat, reply, (second, False)).json()["reply"]
    assert called[1:] == [("send_mail", "bob@example.org")]
    assert [each["state"] for each in calls_in(done)] == ["complete", "complete", "denied"]


def test_the_same_verdict_again_answers_as_before_and_another_is_refused(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    first = decide(alice, chat, reply, (mail, True))

    again = decide(alice, chat, reply, (mail, True))

    assert (again.status_code, again.json()["reply"]) == (201, first.json()["reply"])
    assert is_refusal(decide(alice, chat, reply, (mail, False)), 409)
    assert len(called) == 1


def test_of_parallel_verdicts_one_has_the_turn_go_on(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    answers = at_once([lambda: decide(alice, chat, reply, (mail, True))] * 6)

    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["reply"]["content"] for answer in answers} == {"I write. It is sent."}
    assert len(called) == 1
    assert Turn.objects.get(reply=reply["id"]).epoch == 2


def test_readers_are_told_and_stay(alice: Person) -> None:
    chat = alice.chat()
    with alice.http.stream(
        "POST", f"/api/chats/{chat}/messages/", json={"content": ASKING}, headers={"Accept": "text/event-stream"}
    ) as answer:
        events, seen = events_in(answer), []
        for event in events:
            seen.append(event)
            if event.name == "waiting":
                break
        reply = seen[0].data["reply"]
        assert event.id == max(each.id for each in seen[:-1] if each.id)
        [asked] = event.data["calls"]
        assert (asked["name"], asked["state"], asked["input"]) == ("send_mail", "waiting", {"to": "bob@example.org"})
        late = at_once([
            lambda: followed(alice, chat),
            lambda: eventually(lambda: decide(alice, chat, {"id": reply}, (asked["id"], True), query="?wait=false")),
        ])[0]  # fmt: skip
        seen += events

    whole = [event for event in seen if event.name in ("delta", "end")]
    assert whole[-1].data["message"]["content"] == "I write. It is sent."
    assert (parts_in(late), late[-1].data) == (parts_in(whole), whole[-1].data)
    assert [event.name for event in whole].count("end") == 1


def test_the_decision_s_own_stream_has_only_what_is_new(alice: Person) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    address = f"/api/chats/{chat}/messages/{reply['id']}/approvals/"
    body = {"approvals": [{"call": mail, "approved": True}]}

    def stream() -> list[Any]:
        with alice.http.stream("POST", address, json=body, headers={"Accept": "text/event-stream"}) as answer:
            return list(events_in(answer))

    events, again = stream(), stream()

    kinds = [event.data["kind"] for event in events if event.name == "delta"]
    assert kinds[:2] == ["decision", "tool_result"]
    assert set(kinds[2:]) == {"text"}
    assert (
        "".join(each.data["text"] for each in events if each.name == "delta" and "text" in each.data) == "It is sent."
    )
    assert [each.data["kind"] for each in again if each.name == "delta"][:2] == ["decision", "tool_result"]
    assert again[-1].data == events[-1].data


def test_a_waiting_reply_can_be_stopped(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    stopped = alice.post(f"/api/chats/{chat}/stop/").json()

    assert (stopped["id"], stopped["state"], stopped["content"]) == (reply["id"], "stopped", "I write. ")
    assert calls_in(stopped)[0]["state"] == "denied"
    assert is_refusal(decide(alice, chat, reply, (mail, True)), 409)
    assert called == []


@pytest.mark.parametrize("how", ["send", "edit", "regenerate"])
def test_whatever_is_asked_next_supersedes_it(alice: Person, called: list[Any], how: str) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    question = alice.messages(chat)[0]["id"]

    if how == "send":
        answer = alice.say(chat, "Never mind")
    elif how == "edit":
        answer = alice.post(f"/api/chats/{chat}/messages/{question}/edit/", {"content": "Never mind"})
    else:
        answer = alice.post(f"/api/chats/{chat}/messages/{reply['id']}/regenerate/")

    assert answer.status_code == 201
    old = alice.get(f"/api/chats/{chat}/messages/", params={"branch": reply["id"]}).json()["results"]
    superseded = next(row for row in old if row["id"] == reply["id"])
    assert (superseded["state"], superseded["reason"]) == ("stopped", "superseded")
    assert calls_in(superseded)[0]["state"] == "denied"
    assert is_refusal(decide(alice, chat, reply, (mail, True)), 409)
    assert called == []


def test_nobody_decides_in_time(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    Turn.objects.filter(reply=reply["id"]).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert is_refusal(decide(alice, chat, reply, (mail, True)), 409)
    eventually(lambda: reply_of(alice, chat)["state"] != "waiting")

    ended = reply_of(alice, chat)
    assert (ended["state"], ended["reason"]) == ("interrupted", "approval_expired")
    assert calls_in(ended)[0]["state"] == "denied"
    assert called == []


def test_what_is_remembered_is_not_asked_again_until_one_signs_out_everywhere(alice: Person, called: list[Any]) -> None:
    chat, other = alice.chat(), alice.chat()
    reply, [mail] = waiting(alice, chat)
    assert decide(alice, chat, reply, (mail, True), remember=True).status_code == 201

    assert alice.say(chat, ASKING).json()["reply"]["state"] == "complete"
    assert len(called) == 2
    waiting(alice, other)
    assert alice.post("/api/logout-all/").status_code == 204
    assert not ToolGrant.objects.filter(chat=chat).exists()


def test_what_is_remembered_is_not_gone_by_in_a_reply_that_outlives_the_sign_out(
    alice: Person, called: list[Any]
) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    assert decide(alice, chat, reply, (mail, True), remember=True).status_code == 201
    slow = scripted(delay=0.1, chunk=4, steps=[{"text": "I write for a while. ", "calls": [MAIL]}, {"text": "So."}])
    begin(alice, chat, slow)

    assert alice.post("/api/logout-all/").status_code == 204

    sign_in(alice)
    done = ended(alice, chat)
    assert (done["state"], calls_in(done)[0]["state"], len(called)) == ("complete", "denied", 1)


TWO = scripted(steps=[{"calls": [MAIL, call("send_mail", to="eve@example.org")]}, {"text": "Done."}])


@pytest.mark.parametrize("way", ["/api/logout/", "/api/logout-all/"])
def test_a_verdict_is_void_once_its_session_has_ended(alice: Person, called: list[Any], way: str) -> None:
    chat = alice.chat()
    reply, [first, second] = waiting(alice, chat, TWO)
    assert decide(alice, chat, reply, (first, True)).status_code == 200
    assert alice.post(way).status_code == 204
    sign_in(alice)

    rest = decide(alice, chat, reply, (second, False))

    assert (rest.status_code, [each["id"] for each in rest.json()["waiting"]["calls"]]) == (200, [first])
    assert called == []
    done = decide(alice, chat, reply, (first, False)).json()["reply"]
    assert ([each["state"] for each in calls_in(done)], called) == (["denied", "denied"], [])


def test_readers_are_told_what_is_left_to_decide(alice: Person) -> None:
    chat = alice.chat()
    reply, [first, second] = waiting(alice, chat, TWO)
    with alice.http.stream("GET", f"/api/chats/{chat}/stream/") as answer:
        asked = ([each["id"] for each in event.data["calls"]] for event in events_in(answer) if event.name == "waiting")
        assert next(asked) == [first, second]
        decide(alice, chat, reply, (first, True))
        assert next(asked) == [second]


def test_a_reason_is_moderated_like_any_text(alice: Person, fake: FakeProvider, settings: Any) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    settings.MODERATION = "required"

    refused = decide(alice, chat, reply, (mail, False), reason="Go and [flagged] him.")

    assert is_refusal(refused, 422)
    assert refused.json()["code"] == "blocked"
    assert reply_of(alice, chat)["state"] == "waiting"
    assert "[flagged] him" not in str([each["body"] for each in fake.requests() if "messages" in each["body"]])
    assert decide(alice, chat, reply, (mail, False), reason="Not him.").json()["reply"]["state"] == "complete"


def test_steps_have_an_end_where_each_waits(alice: Person, settings: Any, fake: FakeProvider) -> None:
    settings.MAX_STEPS = 2
    chat = alice.chat()
    reply, [first] = waiting(alice, chat, scripted(steps=[{"calls": [MAIL]}]))

    second = calls_in(decide(alice, chat, reply, (first, True)).json()["reply"])[-1]["id"]
    done = decide(alice, chat, reply, (second, True)).json()["reply"]

    assert (done["state"], done["reason"]) == ("interrupted", "too_many_steps")
    assert [each["state"] for each in calls_in(done)] == ["complete", "complete"]
    assert len(fake.requests()) == 2


def test_a_stranger_and_a_made_up_call_find_nothing(alice: Person, bob: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    assert is_refusal(decide(bob, chat, reply, (mail, True)), 404)
    assert is_refusal(decide(bob, bob.chat(), reply, (mail, True)), 404)
    assert is_refusal(decide(alice, chat, reply, ("c" * 9, True)), 404)
    assert is_refusal(decide(alice, alice.chat(), reply, (mail, True)), 404)
    assert called == []
    assert reply_of(alice, chat)["state"] == "waiting"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"approvals": []}, {"approvals": {}}, {"approvals": [{}]}, {"approvals": [{"call": "c"}]},
        {"approvals": [{"call": "c", "approved": "perhaps"}]}, {"approvals": [{"call": "c", "approved": "true"}]},
        {"approvals": [{"call": "c", "approved": 1}]}, {"approvals": [{"call": "c", "approved": None}]},
        {"approvals": [{"call": 1, "approved": True}]}, {"approvals": [{"call": "c", "approved": True, "extra": 1}]},
        {"approvals": [{"call": "c", "approved": False, "remember": True}]}, {"approvals": [3]}, {"approvals": "x"},
        {"approvals": [{"call": "c" * 65, "approved": True}]}, {"approvals": [{"call": "c", "approved": True}] * 129},
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name_and_nothing_changes(alice: Person, body: Any, called: list[Any]) -> None:
    chat = alice.chat()
    reply, _ = waiting(alice, chat)

    answer = alice.post(f"/api/chats/{chat}/messages/{reply['id']}/approvals/", body)

    assert is_refusal(answer, 400)
    assert answer.json()["errors"]
    assert reply_of(alice, chat)["state"] == "waiting"
    assert called == []


def test_a_waiting_turn_is_no_running_one(alice: Person, settings: Any) -> None:
    settings.TURNS_PER_USER = 1
    for _ in range(3):
        waiting(alice, alice.chat())


def test_doors_that_cannot_ask_do_not_offer_what_asks(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    alice.post("/prompt_gpt/", {"chat_id": chat, "content": "Hello"})

    offered = [each["function"]["name"] for each in fake.requests()[-1]["body"]["tools"]]
    assert sorted(offered) == ["block_long", "give_up", "look_up", "sleep_long", "stay_on"]


def test_a_tool_that_was_switched_off_meanwhile_is_not_called(alice: Person, settings: Any, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    settings.TOOL_POLICIES = {"send_mail": "never"}

    done = decide(alice, chat, reply, (mail, True)).json()["reply"]

    assert (done["state"], calls_in(done)[0]["state"], called) == ("complete", "failed", [])


def test_tokens_are_counted_once(alice: Person) -> None:
    from usage.models import Counter

    chat = alice.chat()
    before = list(Counter.objects.of_user(alice.id).values_list("messages", "tokens")) or [(0, 0)]
    reply, [mail] = waiting(alice, chat)
    middle = Counter.objects.of_user(alice.id).get()
    assert middle.tokens - before[0][1] == sum(reply["tokens"].values())

    done = decide(alice, chat, reply, (mail, True)).json()["reply"]

    after = Counter.objects.of_user(alice.id).get()
    assert after.tokens - before[0][1] == sum(done["tokens"].values())
    assert (after.messages - before[0][0], done["tokens"]["prompt"] > reply["tokens"]["prompt"]) == (1, True)


def test_deleting_a_chat_that_waits_leaves_nothing(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)

    assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204

    assert not ToolCall.objects.filter(call=mail).exists()
    assert is_refusal(decide(alice, chat, reply, (mail, True)), 404)


def test_a_second_wait_follows_the_first(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    steps = [
        {"calls": [MAIL]},
        {"text": "Again. ", "calls": [call("send_mail", to="eve@example.org")]},
        {"text": "End."},
    ]
    reply, [first] = waiting(alice, chat, scripted(steps=steps))

    middle = decide(alice, chat, reply, (first, True))

    assert (middle.status_code, middle.json()["reply"]["state"]) == (201, "waiting")
    second = next(each["id"] for each in calls_in(middle.json()["reply"]) if each["state"] == "waiting")
    done = decide(alice, chat, reply, (second, True)).json()["reply"]
    assert (done["state"], done["content"]) == ("complete", "Again. End.")
    assert [to for _, to in called] == ["bob@example.org", "eve@example.org"]
    assert [event.name for event in followed(alice, chat, reply=reply["id"])].count("waiting") == 0


def test_an_idempotent_repeat_of_the_question_finds_the_waiting_reply(alice: Person) -> None:
    chat, key = alice.chat(), {"Idempotency-Key": "once"}
    first = alice.post(f"/api/chats/{chat}/messages/", {"content": ASKING}, headers=key).json()

    again = alice.post(f"/api/chats/{chat}/messages/", {"content": ASKING}, headers=key).json()

    assert again["reply"] == first["reply"]


def test_a_decision_starts_no_more_turns_than_may_run_at_once(alice: Person, settings: Any) -> None:
    slow = [{"calls": [MAIL]}, {"text": "It is on its way, slowly. ", "chunk": 1, "delay": 0.2}]
    waits = [(chat, *waiting(alice, chat, scripted(steps=slow))) for chat in (alice.chat() for _ in range(6))]
    settings.TURNS_PER_USER = 2

    answers = at_once([
        lambda chat=chat, reply=reply, call=call: decide(alice, chat, reply, (call, True), query="?wait=false")
        for chat, reply, [call] in waits
    ])  # fmt: skip

    assert sorted(answer.status_code for answer in answers) == [202, 202, 429, 429, 429, 429]
    assert [reply_of(alice, chat)["state"] for chat, _, _ in waits].count("waiting") == 4
    settings.TURNS_PER_USER = 20
    for chat, reply, [asked] in waits:
        assert decide(alice, chat, reply, (asked, True), query="?wait=false").status_code in (200, 201, 202)
    for chat, _, _ in waits:
        assert ended(alice, chat)["state"] == "complete"


def test_what_a_session_allowed_that_has_ended_since_is_asked_again(alice: Person, called: list[Any]) -> None:
    chat = alice.chat()
    two = [MAIL, call("send_mail", to="eve@example.org")]
    reply, [first, second] = waiting(alice, chat, scripted(steps=[{"calls": two}, {"text": "Done."}]))
    assert decide(alice, chat, reply, (first, True)).status_code == 200
    assert alice.post("/api/logout-all/").status_code == 204
    again = alice.http.post("/api/token/", json={"email": alice.email, "password": PASSWORD}).json()["access"]
    alice.http.headers["Authorization"] = f"Bearer {again}"

    rest = decide(alice, chat, reply, (second, True))

    assert (rest.status_code, [each["id"] for each in rest.json()["waiting"]["calls"]]) == (200, [first])
    assert called == []
    assert decide(alice, chat, reply, (first, True)).json()["reply"]["state"] == "complete"
    assert len(called) == 2
