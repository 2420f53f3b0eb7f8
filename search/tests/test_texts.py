"""What other apps hold is searched, too: notes, through their own doors."""

from typing import Any

from conftest import PASSWORD, Person
from search.models import Document
from search.tests.helpers import asked


def save(person: Person, content: str, **values: Any) -> str:
    answer = person.post("/api/notes/", {"content": content, **values})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def notes_found(person: Person, q: str) -> list[str]:
    return [row["id"] for row in asked(person, q)["results"] if row["kind"] == "note"]


def test_a_note_is_found_by_its_title_and_its_text(alice: Person, bob: Person) -> None:
    note = save(alice, "Boil them in a big *kettle*.", title="Grüne Äpfel")
    save(bob, "Boil apfel")

    [row] = asked(alice, "kettle")["results"]

    assert row == {
        "kind": "note", "id": note, "chat": None, "message": None, "title": "Grüne Äpfel", "role": None,
        "created_at": row["created_at"],
        "snippet": [{"text": "Boil them in a big *", "marked": False}, {"text": "kettle", "marked": True},
                    {"text": "*.", "marked": False}],
    }  # fmt: skip
    for q in ("äpfel", "title:apfel", "grune kettle", '"boil them"', "boil after:2020-01-01", "kett*"):
        assert notes_found(alice, q) == [note], q
    for q in ("title:kettle", "role:user kettle", "in:archived kettle", "is:pinned kettle", "boil before:2020-01-01"):
        assert notes_found(alice, q) == [], q


def test_a_note_is_found_as_it_is_now(alice: Person) -> None:
    note = save(alice, "walrus")
    assert save(alice, "walrus") == note, "saved once"
    alice.http.patch(f"/api/notes/{note}/", json={"content": "narwhal " + "and more of it " * 5_000 + "beluga"})

    assert notes_found(alice, "walrus") == notes_found(alice, "title:walrus") == [note], "its title stays"
    assert notes_found(alice, "beluga") == notes_found(alice, "narwhal") == [note]
    [row] = asked(alice, "beluga")["results"]
    assert {"text": "beluga", "marked": True} in row["snippet"]

    alice.http.delete(f"/api/notes/{note}/")
    assert notes_found(alice, "beluga") == notes_found(alice, "walrus") == []


def test_saved_by_hand_in_a_chat_it_is_found(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "tell of gibbons", model="demo")
    alice.say(chat, "/save")

    assert len(notes_found(alice, "gibbons")) == 1


def test_notes_and_messages_stand_in_the_order_of_their_time(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "okapi one", model="demo")
    note = save(alice, "okapi two")
    alice.say(chat, "okapi three", model="demo")

    rows = [row for row in asked(alice, "okapi")["results"] if row["role"] != "assistant"]

    assert [row["kind"] for row in rows] == ["message", "note", "message", "title"]
    assert rows[1]["id"] == note


def test_nothing_of_an_account_that_is_gone_stays(alice: Person) -> None:
    note = save(alice, "platypus")
    assert Document.objects.filter(text_id=note).count() == 2

    answer = alice.http.request("DELETE", "/api/users/self/", json={"password": PASSWORD})

    assert answer.status_code == 204, answer.text
    assert not Document.objects.filter(text_id=note).exists()


def test_without_the_search_nothing_is_written(alice: Person, settings: Any) -> None:
    note = save(alice, "pangolin")
    settings.SEARCH = False

    alice.http.patch(f"/api/notes/{note}/", json={"content": "changed"})

    assert not Document.objects.filter(text_id=note).exists(), "not even what was there"
