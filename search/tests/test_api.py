"""`/api/search/`, over HTTP."""

import time
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from chats.models import Chat, Folder
from chats.tests.helpers import ended, eventually, is_refusal
from conftest import Person
from llm.testing import FakeProvider
from search.models import Document
from search.tests.helpers import PATH, asked, messages_found


def test_a_question_and_its_reply_are_found_at_once(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="Rainbows form in **zyzzyva** drops of water.")
    alice.say(chat, "Please explain quixotic rainbows")
    question, reply = alice.messages(chat)

    page = asked(alice, "rainbows")

    assert (page["next"], page["previous"]) == (None, None)
    by_message = {row["message"]: row for row in page["results"]}
    assert by_message.keys() == {question["id"], reply["id"], None}
    assert {row["chat"] for row in page["results"]} == {chat}
    assert by_message[None]["snippet"] == [
        {"text": "Please explain quixotic ", "marked": False}, {"text": "rainbows", "marked": True},
    ]  # fmt: skip
    assert by_message[reply["id"]] == {
        "kind": "message", "id": reply["id"], "chat": chat, "message": reply["id"],
        "title": "Please explain quixotic rainbows", "role": "assistant",
        "created_at": reply["created_at"],
        "snippet": [{"text": "Rainbows", "marked": True},
                    {"text": " form in **zyzzyva** drops of water.", "marked": False}],
    }  # fmt: skip
    assert messages_found(alice, "zyzzyva drops") == [reply["id"]]
    assert messages_found(alice, "zyzzyva -rainbows explain") == []


def test_the_periodic_work_indexes_within_three_seconds(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    alice.say(chat, "the last word of which is xylophone")
    end, ids = time.monotonic(), {UUID(row["id"]) for row in alice.messages(chat)}

    eventually(lambda: Document.objects.filter(message__in=ids).count() == 2)

    assert time.monotonic() - end < 3, "nobody has searched"


def test_a_running_reply_is_found_when_it_has_ended(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="slow " * 20 + "kumquat", chunk=5, delay=0.05)
    alice.post(f"/api/chats/{chat}/messages/?wait=false", {"content": "begin persimmon"})

    assert len(messages_found(alice, "persimmon role:user")) == 1
    assert messages_found(alice, "slow") == []
    reply = ended(alice, chat)
    assert messages_found(alice, "slow kumquat") == [reply["id"]]


def test_nobody_finds_what_others_have_said(alice: Person, bob: Person) -> None:
    mine, theirs = alice.chat(title="Shared title"), bob.chat(title="Shared title")
    alice.say(mine, "the same secret", model="demo")
    bob.say(theirs, "the same secret", model="demo")

    for person, chat in ((alice, mine), (bob, theirs)):
        for q in (
            "secret",
            "sec*",
            '"same secret"',
            "role:user",
            "is:pinned secret",
            "title:shared",
            "after:2020-01-01",
        ):
            assert {row["chat"] for row in asked(person, q)["results"]} <= {chat}
        assert asked(person, "secret")["results"]


@pytest.mark.parametrize("how", ["chat", "account"])
def test_what_is_deleted_is_found_no_more(alice: Person, how: str) -> None:
    chat, kept = alice.chat(title="Wombat chat"), alice.chat(title="Another wombat")
    alice.say(chat, "about a wombat", model="demo")
    assert len(messages_found(alice, "wombat")) >= 3
    owner = Chat.objects.get(pk=chat).owner_id

    if how == "chat":
        assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204
        assert {row["chat"] for row in asked(alice, "wombat")["results"]} == {kept}
    else:
        body = {"password": "correct horse battery 9"}
        assert alice.http.request("DELETE", "/api/users/self/", json=body).status_code == 204

    left = Document.objects.filter(owner_id=owner)
    assert {str(row.chat_id) for row in left} == ({kept} if how == "chat" else set())


def test_folders_and_pins(alice: Person) -> None:
    chats = {name: alice.chat(title=f"Marmot {name}") for name in ("plain", "pinned", "put away", *Folder.values)}
    alice.http.patch(f"/api/chats/{chats['pinned']}/", json={"pinned": True})
    alice.http.patch(f"/api/chats/{chats['put away']}/", json={"archived": True})
    asked(alice, "marmot")
    for folder in Folder.values:
        Chat.objects.filter(pk=chats[folder]).update(folder=folder)

    def found(q: str) -> set[str]:
        return {row["title"].removeprefix("Marmot ") for row in asked(alice, q)["results"]}

    assert found("marmot") == {"plain", "pinned", "put away", "active", "archived"}
    assert found("marmot is:pinned") == found("is:pinned") == {"pinned"}
    assert found("marmot in:archived") == found("in:archived") == {"put away", "archived"}
    assert found("in:archived is:pinned") == set()


def test_operators(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(title="Ocelot in the title")
    fake.script(text="An ocelot is a cat.")
    alice.say(chat, "What is an ocelot?", model="gemini")
    question, reply = (row["id"] for row in alice.messages(chat))
    model = alice.messages(chat)[1]["model"]

    for q, wanted in (
        ("ocelot", {None, question, reply}), ("title:ocelot", {None}), ("title:oce*", {None}), ("title:cat", set()),
        ('title:"the title"', {None}), ("role:user ocelot", {question}), ("ROLE:assistant ocelot", {reply}),
        (f"model:{model} ocelot", {reply}), ("model:gemini ocelot", {reply}), ("model:gem*", {reply}),
        ("model:openai ocelot", set()), ("ocelot model:gemini role:user", set()), ("role:assistant", {reply}),
        ("ocelot colour:blue", set()), ("what:is", {question}),
    ):  # fmt: skip
        assert set(messages_found(alice, q)) == wanted, q


def test_pages_neither_skip_nor_repeat_while_messages_arrive(alice: Person) -> None:
    chat = alice.chat()
    for number in range(15):
        alice.say(chat, f"capybara {number}", model="demo")
    every = messages_found(alice, "capybara role:user", page_size=100)
    assert len(every) == 15

    seen: list[UUID | None] = []
    link = f"{PATH}?q=capybara+role:user&page_size=4"
    while link:
        parts = urlsplit(link)
        page = alice.get(f"{parts.path}?{parts.query}").json()
        seen += [row["message"] for row in page["results"]]
        link = page["next"]
        alice.say(chat, "capybara once more", model="demo")

    assert seen == every, "newest first"
    times = {row["id"]: row["created_at"] for row in alice.messages(chat)}
    assert [times[id_] for id_ in every] == sorted((times[id_] for id_ in every), reverse=True)


BAD = [
    {}, {"q": ""}, {"q": "   "}, {"q": "!?"}, {"q": '""'}, {"q": "*"}, {"q": "x" * 501}, {"q": "\0"},
    {"q": "is:starred"}, {"q": "in:trash"}, {"q": "role:system"}, {"q": "before:yesterday"}, {"q": "after:2026-13-01"},
    {"q": "after:"  "2026-02-30"}, {"q": "title:!"}, {"q": "model:?"}, {"q": "tag:work"}, {"q": "a " * 21},
    {"q": "x", "cursor": "x"}, {"q": "x", "cursor": "-1"}, {"q": "x", "cursor": "9" * 20},
    {"q": "x", "cursor": "٣"}, {"q": "x", "page_size": "0"}, {"q": "x", "page_size": "101"},
]  # fmt: skip


@pytest.mark.parametrize("query", BAD, ids=repr)
def test_bad_queries_are_refused_by_name(alice: Person, query: dict[str, str]) -> None:
    answer = alice.get(PATH, params=query)

    assert is_refusal(answer, 400)
    assert answer.json()["errors"].keys() <= {"q", "cursor", "page_size"}


ODD = [
    "'", '"', "'; DROP TABLE x --", "a:b:c", "https://x:80/?y=z&w", "\\", "a\\", "'a' & 'b'", "a | !b", "a <-> b", "(",
    "a AND OR NOT b", "NEAR(a b)", "^a", "a*b*", "**a**", "-a", "+a", "a^2", "{a b}: c", "title", "title: x", "é\u0301",
    "\ufdfa", "x" * 500, "東" * 200, "\U0001f389 a", "\u202ea", "%s", "a%", "İ", "\u0345a", "\u3099か", "۱۲۳", "½", "Ⅷ",
    "before", "a before:9999-12-31", "a after:0001-01-01", '"a', 'a"b"c', "9" * 30, "🇩🇪 a", "𝒜𝓁𝓅𝒽𝒶", "﷽",
]  # fmt: skip


def test_whatever_is_typed_gets_an_answer(alice: Person) -> None:
    chat = alice.chat()
    for start in range(0, len(ODD), 8):
        alice.say(chat, "\n".join(ODD[start : start + 8]), model="demo")

    for q in ODD:
        answer = alice.get(PATH, params={"q": q})
        assert answer.status_code == 200 or is_refusal(answer, 400), q
        if answer.status_code == 200 and "after" not in q and "before:" not in q:
            assert answer.json()["results"], f"{q!r} was said"


def test_it_wants_somebody_signed_in(alice: Person, live: str) -> None:
    answer = alice.http.get(PATH, params={"q": "x"}, headers={"Authorization": f"Bearer {uuid4()}"})

    assert is_refusal(answer, 401)


def test_a_long_message_is_found_once_wherever_the_word_stands(alice: Person) -> None:
    chat = alice.chat()
    long = "axolotl " + "filler word " * 9_000 + "axolotl middle " + "more filler " * 9_000 + "axolotl quokka"
    alice.say(chat, long, model="demo")
    alice.say(chat, "a short axolotl", model="demo")
    first, _, second, _ = (row["id"] for row in alice.messages(chat))

    assert messages_found(alice, "axolotl role:user") == [second, first]
    assert Document.objects.filter(message=first).count() > 3
    assert messages_found(alice, "axolotl role:user", page_size=1) == [second]
    page = asked(alice, "axolotl role:user", page_size=1)
    parts = urlsplit(page["next"])
    rest = alice.get(f"{parts.path}?{parts.query}").json()
    assert ([row["message"] for row in rest["results"]], rest["next"]) == ([first], None)
    [hit] = asked(alice, "quokka role:user")["results"]
    assert hit["message"] == first
