"""What a provider is sent: the last turns of the branch, oldest first, and the prompt once."""

import uuid

import pytest

from chats.tests.helpers import asked, ended, sent
from conftest import Person
from llm.testing import FakeProvider

ROLES = {"openai": ("user", "assistant"), "gemini": ("user", "model")}


def last_asked(fake: FakeProvider) -> list[str]:
    """Return the texts of the last request, the system's left out."""
    return [text for _, text in asked(fake.requests()[-1])[1]]


def say(person: Person, chat: str, *contents: str) -> list[str]:
    """Send messages one by one and return the replies' texts."""
    return [str(person.say(chat, content).json()["reply"]["content"]) for content in contents]


def test_twelve_turns_over_both_vendors_each_see_exactly_the_last_ten_messages(
    alice: Person, fake: FakeProvider, settings
) -> None:
    chat, stored = str(uuid.uuid4()), []
    for turn in range(12):
        vendor = ("openai", "gemini")[turn % 2]
        door = {"openai": "/prompt_gpt/", "gemini": "/prompt_gemini/"}[vendor]
        prompt = f"Question {turn} of twelve"

        reply = alice.post(door, {"chat_id": chat, "content": prompt}).json()["reply"]

        user, model = ROLES[vendor]
        request = fake.requests()[-1]
        system, messages = asked(request)
        assert request["vendor"] == vendor
        assert system == settings.SYSTEM_PROMPT
        assert messages == [(user if asks else model, text) for asks, text in stored[-10:]] + [(user, prompt)]
        stored += [(True, prompt), (False, reply)]
    assert len(fake.requests()) == 12


def test_the_models_asked_are_those_of_the_settings(alice: Person, fake: FakeProvider, settings) -> None:
    settings.GEMINI_MODEL, settings.OPENAI_MODEL = "gemini-3.8-flash", "gpt-5.6-sol"
    chat = str(uuid.uuid4())

    for door in ("/prompt_gpt/", "/prompt_gemini/"):
        alice.post(door, {"chat_id": chat, "content": "Hello"})

    gpt, gemini = fake.requests()
    assert gpt["body"]["model"] == "gpt-5.6-sol"
    assert "/gemini-3.8-flash:streamGenerateContent" in gemini["path"]
    assert [row["model"] for row in alice.messages(chat)[1::2]] == ["gpt-5.6-sol", "gemini-3.8-flash"]


@pytest.mark.parametrize(("turns", "kept"), [(0, 0), (1, 2), (5, 10)])
def test_the_number_of_turns_is_a_setting(alice: Person, fake: FakeProvider, settings, turns: int, kept: int) -> None:
    settings.CONTEXT_TURNS = turns
    chat = alice.chat()
    say(alice, chat, *"abcdefg")
    stored = [row["content"] for row in alice.messages(chat)]

    say(alice, chat, "now")

    assert last_asked(fake) == [*stored[len(stored) - kept :], "now"]


def test_without_a_system_prompt_none_is_sent(alice: Person, fake: FakeProvider, settings) -> None:
    settings.SYSTEM_PROMPT = ""

    say(alice, alice.chat(), "Hello")

    assert asked(fake.requests()[-1]) == ("", [("user", "Hello")])


@pytest.mark.parametrize(
    "fault",
    [{"status": 400}, {"empty": True}, {"cut_after": 0}, {"empty": True, "finish": "content_filter"}],
    ids=["failed", "empty", "cut", "blocked"],
)
def test_a_turn_without_an_answer_is_left_out_with_its_question(alice: Person, fake: FakeProvider, fault: dict) -> None:
    chat = alice.chat()
    first = say(alice, chat, "first")
    fake.script(**fault)
    assert alice.say(chat, "lost").status_code >= 400
    third = say(alice, chat, "third")

    say(alice, chat, "now")

    assert last_asked(fake) == ["first", *first, "third", *third, "now"]


def test_a_blocked_reply_with_some_text_is_left_out_too(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="Half of a bad", finish="content_filter")
    blocked = alice.say(chat, "bad").json()["reply"]
    assert (blocked["state"], blocked["content"]) == ("blocked", "Half of a bad")

    say(alice, chat, "now")

    assert last_asked(fake) == ["now"]


def test_turns_left_out_do_not_use_up_the_context(alice: Person, fake: FakeProvider, settings) -> None:
    settings.CONTEXT_TURNS = 2
    chat = alice.chat()
    answers = say(alice, chat, "one", "two")
    for _ in range(15):
        fake.script(empty=True)
        alice.say(chat, "nothing")

    say(alice, chat, "now")

    assert last_asked(fake) == ["one", answers[0], "two", answers[1], "now"]


def test_a_partial_reply_counts(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Half ", "of it"], cut_after=1)
    assert alice.say(chat, "first").json()["reply"]["state"] == "interrupted"

    say(alice, chat, "now")

    assert last_asked(fake) == ["first", "Half ", "now"]


def test_a_reply_of_reasoning_alone_is_no_context(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(empty=True, reasoning="Hm, hm.")
    alice.say(chat, "first")

    say(alice, chat, "now")

    assert last_asked(fake) == ["now"]


def test_reasoning_is_never_sent_back(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="Yes.", reasoning="SECRET THOUGHT")
    say(alice, chat, "first")

    say(alice, chat, "now")

    assert last_asked(fake) == ["first", "Yes.", "now"]


def test_regenerating_sends_what_came_before_the_question_and_the_question_once(
    alice: Person, fake: FakeProvider
) -> None:
    chat = alice.chat()
    first = say(alice, chat, "first")
    say(alice, chat, "second")
    reply = alice.messages(chat)[-1]["id"]

    alice.post(f"/api/chats/{chat}/messages/{reply}/regenerate/")

    assert last_asked(fake) == ["first", *first, "second"]


def test_editing_sends_the_new_question_in_the_place_of_the_old(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = say(alice, chat, "first")
    say(alice, chat, "second", "third")
    question = alice.messages(chat)[2]["id"]

    alice.post(f"/api/chats/{chat}/messages/{question}/edit/", {"content": "changed"})

    assert last_asked(fake) == ["first", *first, "changed"]


def test_after_an_edit_the_context_is_that_of_the_new_branch(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    say(alice, chat, "first", "second")
    question = alice.messages(chat)[0]["id"]
    edited = alice.post(f"/api/chats/{chat}/messages/{question}/edit/", {"content": "other"}).json()["reply"]["content"]

    say(alice, chat, "now")

    assert last_asked(fake) == ["other", edited, "now"]


def test_a_message_after_an_older_reply_has_the_context_of_that_reply(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = say(alice, chat, "first")
    parent = alice.messages(chat)[1]["id"]
    say(alice, chat, "second", "third")

    alice.say(chat, "aside", parent=parent)

    assert last_asked(fake) == ["first", *first, "aside"]
    assert [row["content"] for row in alice.messages(chat)[:-1]] == ["first", *first, "aside"]


def test_continuing_sends_the_kept_text_and_asks_for_the_rest(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = say(alice, chat, "first")
    fake.script(chunks=["One, ", "two, ", "three"], cut_after=2)
    cut = alice.say(chat, "count").json()["reply"]
    fake.script(text="three.")

    whole = alice.post(f"/api/chats/{chat}/messages/{cut['id']}/continue/").json()["reply"]

    texts = last_asked(fake)
    assert texts[:-1] == ["first", *first, "count", "One, two, "]
    assert "Continue" in texts[-1]
    assert whole["content"] == "One, two, three."
    say(alice, chat, "now")
    assert last_asked(fake) == ["first", *first, "count", "One, two, three.", "now"]


def test_the_prompt_is_sent_exactly_as_typed(alice: Person, fake: FakeProvider) -> None:
    prompt = "  \n\tLeading, trailing \u2028 and 🦊🏽 \ufeff text\r\n\x01  "

    say(alice, alice.chat(), prompt)

    assert last_asked(fake) == [prompt]


def test_the_same_words_twice_in_a_row_are_two_messages(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = say(alice, chat, "again")

    say(alice, chat, "again")

    assert last_asked(fake) == ["again", *first, "again"]


def test_a_stopped_reply_with_text_counts(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some text", " never"], stall_after=1)
    with alice.http.stream(
        "POST", f"/api/chats/{chat}/messages/", json={"content": "long"}, headers={"Accept": "text/event-stream"}
    ) as answer:
        next(line for line in answer.iter_lines() if line.startswith("event: delta"))
        alice.post(f"/api/chats/{chat}/stop/")
    assert ended(alice, chat)["state"] == "stopped"

    say(alice, chat, "now")

    assert last_asked(fake) == ["long", "Some text", "now"]


def test_only_the_chats_own_rows_are_sent(alice: Person, bob: Person, fake: FakeProvider) -> None:
    say(bob, bob.chat(), "Bob's secret")
    say(alice, alice.chat(), "Alice's other chat")

    sent(alice, alice.chat(), "now")

    assert last_asked(fake) == ["now"]
