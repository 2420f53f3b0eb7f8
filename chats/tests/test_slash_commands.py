"""`/gpt`, `/gemini` and `/save`, over every door that starts a turn; `/v1` knows none of them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chats.models import Turn
from chats.tests.helpers import asked, at_once, fold, is_refusal, sent
from chats.tests.test_page_socket import DONE, open_page, sign_in  # noqa: F401
from chats.tests.test_sockets import open_socket  # noqa: F401
from conftest import Person
from llm.testing import FakeProvider
from usage.models import Counter


def prompts(fake: FakeProvider) -> list[tuple[str, str]]:
    """Return vendor and last text of each request."""
    return [(request["vendor"], asked(request)[1][-1][1]) for request in fake.requests()]


@pytest.mark.parametrize(
    ("typed", "vendor", "text"),
    [
        ("/gpt What is it?", "openai", "What is it?"),
        ("/gemini What is it?", "gemini", "What is it?"),
        ("/GPT\nWhat is it?\n", "openai", "What is it?\n"),
        ("/gemini  /gpt x", "gemini", "/gpt x"),
    ],
)
def test_a_command_chooses_the_model_of_one_turn(
    alice: Person, fake: FakeProvider, typed: str, vendor: str, text: str
) -> None:
    other = {"openai": "gemini", "gemini": "openai"}[vendor]
    chat = alice.chat(model=other)

    pair = alice.say(chat, typed).json()
    alice.say(chat, "And then?")

    assert pair["question"]["content"] == typed
    assert pair["reply"]["provider"] == vendor
    assert prompts(fake) == [(vendor, text), (other, "And then?")]
    assert asked(fake.requests()[-1])[1][0][1] == text
    assert alice.get(f"/api/chats/{chat}/").json()["title"].startswith(" ".join(text.split()[:2]))


def test_the_command_wins_over_the_model_chosen_beside_it_and_is_not_remembered(
    alice: Person, fake: FakeProvider
) -> None:
    chat = alice.chat()

    alice.say(chat, "/gemini x", model="openai")

    assert prompts(fake) == [("gemini", "x")]
    assert alice.get(f"/api/chats/{chat}/").json()["model"] == ""


def test_an_answer_made_again_comes_from_the_model_typed_unless_another_is_named(
    alice: Person, fake: FakeProvider
) -> None:
    chat = alice.chat(model="openai")
    pair = alice.say(chat, "/gemini x").json()
    address = f"/api/chats/{chat}/messages/{pair['reply']['id']}/regenerate/"

    alice.post(address)
    alice.post(address, {"model": "openai"})
    alice.post(f"/api/chats/{chat}/messages/{pair['question']['id']}/edit/", {"content": "/gemini y"})

    assert prompts(fake) == [("gemini", "x"), ("gemini", "x"), ("openai", "x"), ("gemini", "y")]


@pytest.mark.parametrize("typed", ["/", "/help me", "/gptx hi", "/saved", "/save this", " /gpt hi", "//gpt hi", "gpt"])
def test_what_is_no_command_is_text(alice: Person, fake: FakeProvider, typed: str) -> None:
    chat = alice.chat(model="openai")

    assert alice.say(chat, typed).json()["question"]["content"] == typed
    assert prompts(fake) == [("openai", typed)]


@pytest.mark.parametrize("typed", ["/gpt", "/gemini  \n"])
def test_a_model_with_nothing_to_ask_it_is_refused(alice: Person, fake: FakeProvider, typed: str) -> None:
    chat = alice.chat()

    answer = alice.say(chat, typed)

    assert is_refusal(answer, 400)
    assert answer.json()["errors"]["content"] == [f"Write a question after {typed.strip()}."]
    assert alice.messages(chat) == fake.requests() == []


def test_saving_asks_no_model_is_no_context_and_costs_nothing(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = alice.say(chat, "First").json()["reply"]

    saved = alice.say(chat, "/save").json()
    alice.say(chat, "Second")

    assert saved["question"]["content"] == "/save"
    assert (saved["reply"]["state"], saved["reply"]["reason"]) == ("complete", "command")
    assert (saved["reply"]["model"], saved["reply"]["tokens"]) == ("", {"prompt": None, "completion": None})
    texts = [text for _, text in asked(fake.requests()[-1])[1]]
    assert texts == ["First", first["content"], "Second"]
    assert len(fake.requests()) == 2
    assert Counter.objects.of_user(alice.id).get().messages == 2
    assert [row["content"] for row in alice.messages(chat)][2] == "/save"


def test_it_works_where_the_quota_is_used_up_and_moderation_is_away(
    alice: Person, fake: FakeProvider, settings
) -> None:
    chat = alice.chat()
    alice.say(chat, "x")
    settings.DAILY_MESSAGES, settings.MODERATION = 1, "required"
    settings.OPENAI_API_KEY = ""

    assert alice.say(chat, "/save").status_code == 201
    assert not alice.say(chat, "y").is_success


def test_without_an_answer_there_is_nothing_to_save(alice: Person) -> None:
    chat = alice.chat()

    refused = alice.say(chat, "/save")
    made_on_use = alice.post("/prompt_gpt/", {"chat_id": (other := str(uuid.uuid4())), "content": "/save"})

    assert is_refusal(refused, 400)
    assert refused.json()["code"] == made_on_use.json()["code"] == "nothing_to_save"
    assert alice.messages(chat) == []
    assert is_refusal(alice.get(f"/api/chats/{other}/"), 404)


def test_a_save_after_saves_and_failures_finds_the_answer_before_them(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    wanted = alice.say(chat, "x").json()["reply"]["id"]
    alice.say(chat, "/save")
    alice.say(chat, '!fake {"status": 400}')

    assert alice.say(chat, "/save").json()["reply"]["content"].startswith("This is in your notes already")
    (note,) = alice.get("/api/notes/").json()["results"]
    assert alice.get(f"/api/notes/{note['id']}/").json()["source_message"] == wanted


def test_regenerating_a_save_saves_again(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    alice.say(chat, "x")
    told = alice.say(chat, "/save").json()["reply"]["id"]

    again = alice.post(f"/api/chats/{chat}/messages/{told}/regenerate/")

    assert again.json()["reply"]["reason"] == "command"
    assert len(fake.requests()) == 1


def test_keys_make_commands_repeatable(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    alice.say(chat, "x")
    for content in ("/gpt y", "/save"):
        headers = {"Idempotency-Key": content}

        answers = [alice.post(f"/api/chats/{chat}/messages/", {"content": content}, headers=headers) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        changed = alice.post(f"/api/chats/{chat}/messages/", {"content": "y"}, headers=headers)
        assert is_refusal(changed, 422)
    assert len(fake.requests()) == 2
    assert Turn.objects.filter(chat_id=chat).count() == 3


def test_parallel_saves_are_one_note_each_with_its_own_answer(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "x")

    answers = at_once([lambda: alice.say(chat, "/save")] * 4)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(alice.get("/api/notes/").json()["results"]) == 1


def test_over_server_sent_events(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()

    first = sent(alice, chat, "/gemini x")
    saved = sent(alice, chat, "/save")

    assert prompts(fake) == [("gemini", "x")]
    assert first[-1].data["message"]["provider"] == "gemini"
    assert fold(saved).startswith("Saved to your notes: ")
    assert [event.name for event in saved] == ["start", "delta", "end"]
    followed = alice.get(f"/api/chats/{chat}/stream/", params={"after": saved[0].id or 0})
    assert followed.status_code == 200


def test_over_the_socket(alice: Person, fake: FakeProvider, open_socket: Callable[..., Any]) -> None:  # noqa: F811
    chat, socket = alice.chat(), open_socket(alice)

    socket.tell("send", chat=chat, content="/gemini x", key="1")
    socket.until("end")
    socket.tell("send", chat=chat, content="/save", key="2")
    end = socket.until("end")[-1]

    assert prompts(fake) == [("gemini", "x")]
    assert end["message"]["content"].startswith("Saved to your notes: ")


def test_on_the_page_with_script_and_without(
    alice: Person,
    fake: FakeProvider,
    sign_in: Callable[[Person], Client],  # noqa: F811
    open_page: Callable[..., Any],  # noqa: F811
) -> None:
    chat, browser = alice.chat(), sign_in(alice)
    browser.post(f"/chats/{chat}/send/", {"message": "/gemini x", "model": "openai"})
    page = open_page(None, chat, browser=browser)

    page.send(message="/save", key="k", model="openai")
    frames = "".join(page.until("Saved to your notes", DONE))

    assert prompts(fake) == [("gemini", "x")]
    shown = browser.get(f"/chats/{chat}/").content.decode()
    assert "/gemini x</div>" in shown
    assert "/save</div>" in shown
    for html in (frames, shown):
        told = html.partition("Saved to your notes")[2]
        assert "Another answer" not in told  # no model was asked


def test_v1_takes_text_as_it_is(alice: Person, fake: FakeProvider) -> None:
    key = alice.post("/api/keys/", {"name": "x"}).json()["key"]
    for store in (True, False):
        for text in ("/gemini x", "/save"):
            body = {"model": "openai", "store": store, "messages": [{"role": "user", "content": text}]}
            answer = alice.http.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200, answer.text
            assert prompts(fake)[-1] == ("openai", text)
    assert alice.get("/api/notes/").json()["results"] == []
