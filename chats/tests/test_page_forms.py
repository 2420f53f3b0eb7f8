"""The page's plain forms: a chat's settings, why an answer was good or bad, assistants to begin with."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from chats.models import Assistant, Chat, Feedback
from chats.tests.helpers import asked
from conftest import Person
from llm.testing import FakeProvider

NAMES = ("model", "system", "context_turns", "max_context_tokens", "effort", "temperature", "top_p", "max_output")
EMPTY = dict.fromkeys(NAMES, "")
FORM = {"type": "json_object"}


def browser_of(person: Person) -> Client:
    browser = Client()
    browser.force_login(User.objects.get(pk=person.id), "accounts.backends.EmailBackend")
    return browser


@pytest.fixture
def browser(alice: Person) -> Client:
    return browser_of(alice)


def stored(chat: str) -> dict[str, Any]:
    row = Chat.objects.get(pk=chat)
    return {**row.settings, "model": row.model}


def test_settings_are_shown_changed_and_given_back(alice: Person, browser: Client) -> None:
    chat = alice.chat(settings={"system": "Be a pirate.", "response_format": FORM, "top_p": 0.5}, model="gemini")
    address = f"/chats/{chat}/settings/"
    page = browser.get(address).content.decode()
    assert "Be a pirate." in page
    assert 'value="0.5"' in page

    filled = EMPTY | {"system": "Two\r\nlines", "context_turns": "3", "max_context_tokens": "900", "effort": "low",
                      "temperature": "0.5", "max_output": "50"}  # fmt: skip
    assert browser.post(address, filled).headers["Location"] == f"/chats/{chat}/"
    assert stored(chat) == {
        "system": "Two\nlines", "context_turns": 3, "max_context_tokens": 900, "effort": "low", "temperature": 0.5,
        "max_output": 50, "response_format": FORM, "model": "",
    }  # fmt: skip

    assert browser.post(address, EMPTY | {"no_system": "on"}).status_code == 302
    assert stored(chat)["system"] == ""
    assert re.search('name="no_system"[^>]* checked', browser.get(address).content.decode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "3"), ("temperature", "hot"), ("context_turns", "51"), ("context_turns", "1.5"),
        ("max_context_tokens", "0"), ("max_output", "9" * 30), ("effort", "huge"), ("system", "x" * 32769),
        ("system", "a\0b"), ("model", "no/such"), ("tools", "no_such_tool"), ("top_p", "1e999"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_at_its_field_and_changes_nothing(
    alice: Person, browser: Client, field: str, value: str
) -> None:
    chat = alice.chat(settings={"top_p": 0.5})

    answer = browser.post(f"/chats/{chat}/settings/", EMPTY | {field: value})

    assert answer.status_code == 400
    assert b"errorlist" in answer.content
    assert stored(chat) == {"top_p": 0.5, "model": ""}


def test_a_chat_that_is_yet_to_be_made_is_made_with_them(browser: Client) -> None:
    chat = str(uuid.uuid4())
    assert browser.get(f"/chats/{chat}/settings/").status_code == 200
    assert not Chat.objects.filter(pk=chat).exists()

    assert browser.post(f"/chats/{chat}/settings/", EMPTY | {"system": "New."}).status_code == 302

    assert stored(chat)["system"] == "New."


def test_tools_are_chosen_and_those_that_are_usual_are_no_choice(alice: Person, browser: Client, settings: Any) -> None:
    settings.DEFAULT_TOOLS = ["list_notes", "save_note"]
    chat = alice.chat()
    address = f"/chats/{chat}/settings/"

    browser.post(address, EMPTY | {"tools": ["save_note", "list_notes"]})
    assert "tools" not in stored(chat)
    browser.post(address, EMPTY | {"tools": ["save_note"]})
    assert stored(chat)["tools"] == ["save_note"]
    alice.http.patch(f"/api/chats/{chat}/", json={"settings": {"tools": ["save_note", "gone"]}})
    browser.post(address, EMPTY | {"tools": ["list_notes"]})
    assert stored(chat)["tools"] == ["list_notes", "gone"]
    browser.post(address, EMPTY)
    assert stored(chat)["tools"] == ["gone"]


def test_an_answer_is_judged_with_reasons_and_words(alice: Person, browser: Client) -> None:
    chat = alice.chat()
    question, reply = (row["id"] for row in alice.say(chat, "Hello").json().values())
    address = f"/chats/{chat}/messages/{reply}/feedback/"
    assert b"Say why" not in browser.get(f"/chats/{chat}/").content

    said = {"value": "-1", "reasons": ["style", "incorrect"], "comment": "Not\r\nthis"}
    assert browser.post(address, said).status_code == 302

    kept = alice.get(f"/api{address}").json()
    assert (kept["value"], kept["reasons"], kept["comment"]) == (-1, ["style", "incorrect"], "Not\nthis")
    assert b"Say why" in browser.get(f"/chats/{chat}/").content
    assert b"Not\nthis" in browser.get(address).content
    for wrong in ({"value": "2"}, {"reasons": ["because"]}, {"comment": "x" * 2001}, {"comment": "\0"}):
        assert browser.post(address, {**said, **wrong}).status_code == 400
    assert browser.get(f"/chats/{chat}/messages/{question}/feedback/").status_code == 404
    assert alice.get(f"/api{address}").json() == kept


def test_a_chat_begins_with_an_assistant_and_its_model(alice: Person, browser: Client, fake: FakeProvider) -> None:
    made = {"name": "Pirate <b>", "description": "Says arr", "model": "gemini", "settings": {"system": "Be a pirate."}}
    id_ = alice.post("/api/assistants/", made).json()["id"]
    assert f'<option value="{id_}"'.encode() in browser.get("/").content

    page = browser.get(f"/?assistant={id_}").content.decode()
    assert "Pirate &lt;b&gt;" in page
    assert f'<input type="hidden" name="assistant" value="{id_}">' in page
    chosen = page.split(" selected")[0].rpartition('value="')[2].split('"')[0]
    assert chosen.startswith("gemini/")

    chat = str(uuid.uuid4())
    form = {"message": "Hello", "model": chosen, "assistant": id_, "key": uuid.uuid4().hex}
    assert browser.post(f"/chats/{chat}/send/", form).status_code == 302
    assert stored(chat) == {"system": "Be a pirate.", "model": chosen}
    assert str(Chat.objects.get(pk=chat).assistant) == id_
    assert asked(fake.requests()[-1])[0] == "Be a pirate."

    alice.http.delete(f"/api/assistants/{id_}/")
    again = {"message": "More", "assistant": id_, "key": uuid.uuid4().hex}
    assert browser.post(f"/chats/{chat}/send/", again).status_code == 302  # a chat that there is has its settings
    assert len(alice.messages(chat)) == 4


def test_a_new_chats_own_system_text_is_moderated_too(
    alice: Person, browser: Client, fake: FakeProvider, settings: Any
) -> None:
    settings.MODERATION = "on"
    id_ = alice.post("/api/assistants/", {"name": "Bad", "settings": {"system": "flag-me"}}).json()["id"]
    chat = str(uuid.uuid4())

    browser.post(f"/chats/{chat}/send/", {"message": "Hello", "assistant": id_})

    asked_about = [request["body"]["input"] for request in fake.requests() if "moderations" in request["path"]]
    assert any("flag-me" in str(each) for each in asked_about)


def test_settings_are_kept_as_an_assistant_and_it_is_deleted(alice: Person, browser: Client) -> None:
    chat = alice.chat(settings={"system": "Be brief."}, model="openai")

    assert browser.post(f"/chats/{chat}/assistant/", {"title": " Brief \n one"}).status_code == 302

    made = Assistant.objects.get(owner=alice.id)
    assert (made.name, made.model, made.settings) == ("Brief one", "openai", {"system": "Be brief."})
    assert b"Brief one" in browser.get("/assistants/").content
    assert browser.post(f"/assistants/{made.pk}/delete/").status_code == 302
    assert not Assistant.objects.filter(owner=alice.id).exists()
    assert stored(chat) == {"system": "Be brief.", "model": "openai"}


def test_none_of_it_is_there_for_a_stranger(alice: Person, bob: Person) -> None:
    chat = alice.chat(settings={"system": "My secret"})
    reply = alice.say(chat, "Hello").json()["reply"]["id"]
    own = alice.post("/api/assistants/", {"name": "My secret"}).json()["id"]
    everyones, browser = Assistant.objects.create(name="Everyone's").pk, browser_of(bob)

    for address in (f"/chats/{chat}/settings/", f"/chats/{chat}/messages/{reply}/feedback/", f"/?assistant={own}"):
        page = browser.get(address)
        assert page.status_code == 404
        assert b"My secret" not in page.content
    for address, form in (
        (f"/chats/{chat}/settings/", EMPTY), (f"/chats/{chat}/messages/{reply}/feedback/", {"value": 1}),
        (f"/chats/{chat}/assistant/", {"title": "Mine"}), (f"/assistants/{own}/delete/", {}),
        (f"/chats/{uuid.uuid4()}/send/", {"message": "Hi", "assistant": own}),
    ):  # fmt: skip
        assert browser.post(address, form).status_code == 404
    assert browser.post(f"/assistants/{everyones}/delete/").status_code == 403
    assert b"My secret" not in browser.get("/assistants/").content
    assert stored(chat)["system"] == "My secret"
    assert Assistant.objects.filter(pk__in=[own, everyones]).count() == 2
    assert not Assistant.objects.filter(owner=bob.id).exists()
    assert not Feedback.objects.filter(message=reply).exists()


@pytest.mark.parametrize("address", ["/chats/{}/settings/", "/chats/{}/messages/{}/feedback/", "/assistants/"])
def test_who_is_not_signed_in_is_sent_to_do_so(live: str, address: str) -> None:
    assert "/accounts/sign-in/" in Client().get(address.format(uuid.uuid4(), uuid.uuid4())).headers["Location"]
