"""Regenerating, editing and continuing add siblings; nothing is overwritten, and a branch can be switched to."""

import uuid
from typing import Any

import pytest

from chats.tests.helpers import ended, followed, is_refusal
from conftest import Person
from llm.testing import FakeProvider


def turn_on(person: Person, chat: str, message: str, what: str, **body: Any) -> dict[str, Any]:
    answer = person.post(f"/api/chats/{chat}/messages/{message}/{what}/", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def contents(person: Person, chat: str, **query: Any) -> list[str]:
    page = person.get(f"/api/chats/{chat}/messages/", params=query).json()
    return [row["content"] for row in page["results"]]


def head(person: Person, chat: str) -> str:
    return str(person.get(f"/api/chats/{chat}/").json()["head"])


@pytest.fixture
def chat(alice: Person, fake: FakeProvider) -> str:
    """Return a chat of two turns, answered A1 and A2."""
    chat = alice.chat()
    for turn in (1, 2):
        fake.script(text=f"A{turn}")
        alice.say(chat, f"Q{turn}")
    return chat


def test_regenerating_makes_a_sibling_of_the_reply(alice: Person, fake: FakeProvider, chat: str) -> None:
    old = alice.messages(chat)[-1]
    fake.script(text="A2 again")

    new = turn_on(alice, chat, old["id"], "regenerate")

    assert contents(alice, chat) == ["Q1", "A1", "Q2", "A2 again"]
    assert new["question"]["id"] == new["reply"]["parent"] == old["parent"]
    assert new["reply"]["siblings"] == {"index": 1, "count": 2, "ids": [old["id"], new["reply"]["id"]]}
    assert head(alice, chat) == new["reply"]["id"]
    assert contents(alice, chat, branch=old["id"]) == ["Q1", "A1", "Q2", "A2"]


def test_editing_makes_a_sibling_of_the_question(alice: Person, fake: FakeProvider, chat: str) -> None:
    old = alice.messages(chat)[2]
    fake.script(text="B2")

    new = turn_on(alice, chat, old["id"], "edit", content="Q2 otherwise")

    assert contents(alice, chat) == ["Q1", "A1", "Q2 otherwise", "B2"]
    assert new["question"]["parent"] == old["parent"]
    places = {"index": 1, "count": 2, "ids": [old["id"], new["question"]["id"]]}
    assert [row["siblings"] for row in (new["question"], alice.messages(chat)[2])] == [places, places]
    assert contents(alice, chat, branch=old["id"]) == ["Q1", "A1", "Q2", "A2"]


def test_editing_the_first_question_makes_another_beginning(alice: Person, fake: FakeProvider, chat: str) -> None:
    first = alice.messages(chat)[0]
    fake.script(text="B1")

    new = turn_on(alice, chat, first["id"], "edit", content="Q1 otherwise")

    assert contents(alice, chat) == ["Q1 otherwise", "B1"]
    assert new["question"]["parent"] is None
    places = [(row["siblings"]["index"], row["siblings"]["ids"]) for row in alice.messages(chat)]
    assert places == [(1, [first["id"], new["question"]["id"]]), (0, [new["reply"]["id"]])]


def test_continuing_makes_a_sibling_that_begins_with_the_kept_text(
    alice: Person, fake: FakeProvider, chat: str
) -> None:
    cut = alice.messages(chat)[-1]
    fake.script(text=" and more")

    new = turn_on(alice, chat, cut["id"], "continue")

    assert new["reply"]["content"] == "A2 and more"
    assert new["reply"]["parent"] == cut["parent"]
    assert contents(alice, chat, branch=cut["id"])[-1] == "A2"


def test_a_continuation_that_fails_keeps_the_text(alice: Person, fake: FakeProvider, chat: str) -> None:
    cut = alice.messages(chat)[-1]
    fake.script(status=400)

    new = turn_on(alice, chat, cut["id"], "continue")

    assert (new["reply"]["content"], new["reply"]["state"]) == ("A2", "failed")


@pytest.mark.parametrize("query", ["", "?wait=false"])
def test_every_way_to_read_a_reply_counts_its_siblings(alice: Person, chat: str, query: str) -> None:
    old = alice.messages(chat)[-1]["id"]
    path, key = f"/api/chats/{chat}/messages/{old}/regenerate/{query}", {"Idempotency-Key": "k"}

    places = [alice.post(path, headers=key).json()["reply"]["siblings"] for _ in range(2)]
    places.append(ended(alice, chat)["siblings"])
    places.append(alice.post(f"/api/chats/{chat}/stop/").json()["siblings"])
    places.append(followed(alice, chat, after=0)[-1].data["message"]["siblings"])

    assert places == [{"index": 1, "count": 2, "ids": [old, alice.messages(chat)[-1]["id"]]}] * 5


def test_many_siblings_are_numbered_in_the_order_they_were_made(alice: Person, fake: FakeProvider, chat: str) -> None:
    made = [alice.messages(chat)[-1]["id"]]
    for number in range(3):
        fake.script(text=f"again {number}")
        made.append(turn_on(alice, chat, made[0], "regenerate")["reply"]["id"])

    for index, id_ in enumerate(made):
        row = alice.get(f"/api/chats/{chat}/messages/", params={"branch": id_}).json()["results"][-1]
        assert (row["id"], row["siblings"]) == (id_, {"index": index, "count": 4, "ids": made})


def test_the_head_switches_the_branch_and_the_next_message_goes_on_from_there(
    alice: Person, fake: FakeProvider, chat: str
) -> None:
    old = alice.messages(chat)[-1]["id"]
    fake.script(text="A2 again")
    turn_on(alice, chat, old, "regenerate")

    answer = alice.http.patch(f"/api/chats/{chat}/", json={"head": old})

    assert answer.json()["head"] == old
    assert contents(alice, chat) == ["Q1", "A1", "Q2", "A2"]
    alice.say(chat, "Q3")
    assert contents(alice, chat)[:5] == ["Q1", "A1", "Q2", "A2", "Q3"]


def test_a_head_in_the_middle_shows_its_newest_branch(alice: Person, fake: FakeProvider, chat: str) -> None:
    first, leaf = alice.messages(chat)[0]["id"], alice.messages(chat)[-1]["id"]
    fake.script(text="B1")
    turn_on(alice, chat, first, "edit", content="Q1 otherwise")

    answer = alice.http.patch(f"/api/chats/{chat}/", json={"head": first})

    assert answer.json()["head"] == leaf
    assert contents(alice, chat, branch=first) == ["Q1", "A1", "Q2", "A2"]


def test_switching_does_not_count_as_activity(alice: Person, chat: str) -> None:
    before = alice.get(f"/api/chats/{chat}/").json()["updated_at"]

    alice.http.patch(f"/api/chats/{chat}/", json={"head": alice.messages(chat)[0]["id"]})

    assert alice.get(f"/api/chats/{chat}/").json()["updated_at"] == before


def test_numbers_are_one_order_per_chat(alice: Person, chat: str) -> None:
    reply = alice.messages(chat)[1]["id"]
    turn_on(alice, chat, reply, "regenerate")
    turn_on(alice, chat, alice.messages(chat)[0]["id"], "edit", content="x")

    numbers = [
        row["number"]
        for branch in [reply, alice.messages(chat)[-1]["id"]]
        for row in alice.get(f"/api/chats/{chat}/messages/", params={"branch": branch}).json()["results"]
    ]

    assert sorted(set(numbers)) == [1, 2, 3, 4, 6, 7]


@pytest.mark.parametrize(
    ("what", "place", "status"),
    [
        ("regenerate", 0, 400),
        ("continue", 0, 400),
        ("edit", 1, 400),
        ("regenerate", None, 404),
        ("continue", None, 404),
        ("edit", None, 404),
    ],
)
def test_each_takes_its_kind_of_message(alice: Person, chat: str, what: str, place: int | None, status: int) -> None:
    message = uuid.uuid4() if place is None else alice.messages(chat)[place]["id"]

    answer = alice.post(f"/api/chats/{chat}/messages/{message}/{what}/", {"content": "x"} if what == "edit" else {})

    assert is_refusal(answer, status)
    assert contents(alice, chat) == ["Q1", "A1", "Q2", "A2"]


def test_a_parent_is_a_reply_of_the_chat(alice: Person, chat: str) -> None:
    question = alice.messages(chat)[0]["id"]
    other = alice.chat()
    alice.say(other, "x")
    elsewhere = alice.messages(other)[-1]["id"]

    assert is_refusal(alice.say(chat, "x", parent=question), 400)
    assert is_refusal(alice.say(chat, "x", parent=elsewhere), 404)
    assert is_refusal(alice.http.patch(f"/api/chats/{chat}/", json={"head": elsewhere}), 404)
    for name in ("branch", "before"):
        assert is_refusal(alice.get(f"/api/chats/{chat}/messages/", params={name: elsewhere}), 404)


def test_there_is_nothing_to_go_on_from_without_text(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(status=400)
    failed = alice.say(chat, "x").json()["reply"]["id"]

    assert is_refusal(alice.post(f"/api/chats/{chat}/messages/{failed}/continue/"), 400)


def test_another_model_may_answer_again(alice: Person, chat: str) -> None:
    reply = alice.messages(chat)[-1]

    again = turn_on(alice, chat, reply["id"], "regenerate", model="gemini")["reply"]

    assert (reply["provider"], again["provider"]) == ("openai", "gemini")
    assert alice.get(f"/api/chats/{chat}/").json()["model"] == ""


def test_the_model_of_a_message_becomes_the_chats(alice: Person, chat: str) -> None:
    alice.say(chat, "x", model="gemini")

    assert alice.get(f"/api/chats/{chat}/").json()["model"].startswith("gemini/")
    assert alice.say(chat, "y").json()["reply"]["provider"] == "gemini"
