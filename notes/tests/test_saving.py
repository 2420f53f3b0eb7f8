"""A message becomes a note: over REST, by the page's button, by `/save`."""

import uuid
from collections.abc import Callable

import httpx
import pytest
from django.test import Client

from chats.tests.helpers import at_once, begin, eventually, fake, is_refusal
from conftest import Person


@pytest.fixture
def chat(alice: Person) -> str:
    return alice.chat()


def listed(person: Person) -> list[dict]:
    return list(person.get("/api/notes/").json()["results"])


def reply_to(person: Person, chat: str, text: str) -> str:
    return str(person.say(chat, text).json()["reply"]["id"])


def test_a_reply_is_saved_once(alice: Person, chat: str) -> None:
    reply = reply_to(alice, chat, fake(text="# Soup\n\nBoil **leeks**."))
    address = f"/api/chats/{chat}/messages/{reply}/save"

    first, second = alice.post(f"{address}/"), alice.post(address)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    note = first.json()
    assert (note["title"], note["content"]) == ("Soup", "# Soup\n\nBoil **leeks**.")
    assert (note["source"], note["source_message"]) == ("message", reply)
    assert first.headers["Cache-Control"] == "no-store"


def test_at_once_it_is_one_note_too(alice: Person, chat: str) -> None:
    address = f"{alice.http.base_url}/api/chats/{chat}/messages/{reply_to(alice, chat, 'x')}/save/"
    head = {"Authorization": f"Bearer {alice.token}"}

    answers = at_once([lambda: httpx.post(address, headers=head)] * 6)

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(listed(alice)) == 1


def test_a_reply_longer_than_a_message_is_saved_whole(alice: Person, chat: str, settings) -> None:
    text = "long " * 100
    reply = reply_to(alice, chat, fake(text=text))
    settings.MAX_MESSAGE_CHARS = 100

    note = alice.post(f"/api/chats/{chat}/messages/{reply}/save/").json()

    assert note["content"] == text
    assert alice.http.patch(f"/api/notes/{note['id']}/", json={"title": "Kept"}).json()["content"] == text


def test_the_note_outlives_its_chat(alice: Person, chat: str) -> None:
    reply = reply_to(alice, chat, "x")
    note = alice.post(f"/api/chats/{chat}/messages/{reply}/save/").json()

    assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204

    assert alice.get(f"/api/notes/{note['id']}/").json() == note


def test_what_cannot_be_saved_is_refused(alice: Person, bob: Person, chat: str, live: str) -> None:
    reply = reply_to(alice, chat, "x")
    empty = alice.say(chat, fake(text="")).json()["reply"]["id"]
    running = begin(alice, chat, fake(text="slow " * 200, delay=0.05))["id"]

    def save(message: str, person: Person = alice, of: str = chat) -> httpx.Response:
        return person.post(f"/api/chats/{of}/messages/{message}/save/")

    assert is_refusal(save(running), 409)
    assert save(empty).json()["code"] == "nothing_to_save"
    assert is_refusal(save(reply, bob), 404)
    assert is_refusal(save(reply, of=alice.chat()), 404)
    assert is_refusal(save(str(uuid.uuid4())), 404)
    assert is_refusal(httpx.post(f"{live}/api/chats/{chat}/messages/{reply}/save/"), 401)
    assert is_refusal(alice.get(f"/api/chats/{chat}/messages/{reply}/save/"), 405)
    assert listed(alice) == listed(bob) == []
    alice.post(f"/api/chats/{chat}/stop/")


def test_the_button_saves_and_becomes_a_link(alice: Person, chat: str, sign_in: Callable[[Person], Client]) -> None:
    reply, browser = reply_to(alice, chat, "x"), sign_in(alice)
    address = f"/chats/{chat}/messages/{reply}/save/"
    assert f'action="{address}"' in browser.get(f"/chats/{chat}/").content.decode()

    over_htmx = browser.post(address, headers={"HX-Request": "true"})
    plain = browser.post(address)

    (note,) = listed(alice)
    assert f'href="/notes/{note["id"]}/"' in over_htmx.content.decode()
    assert plain.headers["Location"] == f"/notes/{note['id']}/"


def test_a_refusal_of_the_button_is_told(alice: Person, bob: Person, chat: str, sign_in, settings) -> None:
    reply, settings.NOTES_PER_USER = reply_to(alice, chat, "x"), 1
    alice.post("/api/notes/", {"content": "full"})
    address = f"/chats/{chat}/messages/{reply}/save/"

    over_htmx = sign_in(alice).post(address, headers={"HX-Request": "true"})

    assert (over_htmx.status_code, over_htmx.headers["HX-Retarget"]) == (200, "#notice")
    assert "no room for another note" in over_htmx.content.decode()
    assert sign_in(alice).post(address).status_code == 409
    assert sign_in(bob).post(address).status_code == 404
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = sign_in(alice).cookies
    assert careful.post(address).status_code == 403
    assert Client().post(address).status_code == 302


def test_the_command_saves_the_last_answer(alice: Person, chat: str) -> None:
    reply = reply_to(alice, chat, fake(text="Worth *keeping* [always]"))

    answer = alice.say(chat, "/save")

    assert answer.status_code == 201
    (note,) = listed(alice)
    told = answer.json()["reply"]
    assert told["content"].startswith("Saved to your notes: [Worth keeping \\[always\\]](")
    assert f"/notes/{note['id']}/" in told["content"]
    assert alice.get(f"/api/notes/{note['id']}/").json()["source_message"] == reply
    again = alice.say(chat, "/Save \n").json()["reply"]["content"]
    assert again.startswith("This is in your notes already: ")
    assert len(listed(alice)) == 1


def test_at_the_limit_the_command_is_refused_and_leaves_nothing(alice: Person, chat: str, settings) -> None:
    reply_to(alice, chat, "x")
    settings.NOTES_PER_USER = 1
    alice.post("/api/notes/", {"content": "full"})

    answer = alice.say(chat, "/save")

    assert is_refusal(answer, 409)
    assert answer.json()["code"] == "notes_full"
    assert len(alice.messages(chat)) == 2


def test_deleting_the_account_deletes_its_notes(alice: Person, bob: Person) -> None:
    from notes.models import Note

    for person in (alice, bob):
        person.post("/api/notes/", {"content": "x"})

    gone = alice.http.request("DELETE", "/api/users/self/", json={"password": "correct horse battery 9"})

    assert gone.status_code == 204, gone.text
    assert eventually(lambda: not Note.objects.filter(owner_id=alice.id).exists())
    assert Note.objects.filter(owner_id=bob.id).count() == 1
