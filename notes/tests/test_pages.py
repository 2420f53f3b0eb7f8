"""The pages of notes: plain forms, whose they are, and that what is in a note is inert."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from conftest import Person

Browser = Callable[[Person], Client]
PROBE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def browser(alice: Person, sign_in: Browser) -> Client:
    return sign_in(alice)


def save(person: Person, content: str, **values: Any) -> str:
    return str(person.post("/api/notes/", {"content": content, **values}).json()["id"])


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_notes_are_listed_found_and_paged(alice: Person, browser: Client, settings) -> None:
    settings.NOTE_WRITES_PER_MINUTE = 1000
    assert "Nothing is saved yet" in text(browser.get("/notes/"))
    save(alice, "Leek soup", tags=["food"])
    for number in range(30):
        save(alice, f"Other {number}")

    first = text(browser.get("/notes/"))
    assert "Leek soup" not in first
    assert 'name="search"' in first
    older = first.partition('href="?before=')[2].partition('"')[0]
    assert "Leek soup" in text(browser.get(f"/notes/?before={older}"))
    for query in ("search=SOUP", "tag=food", "search=leek+food"):
        found = text(browser.get(f"/notes/?{query}"))
        assert "Leek soup" in found
        assert "Other" not in found
    fragment = text(browser.get("/notes/?search=soup", headers={"HX-Request": "true"}))
    assert fragment.lstrip().startswith('<div id="notes"')
    assert "No note has “zzz” in it" in text(browser.get("/notes/?search=zzz"))
    for query in ("before=x", "search=%00", "tag=%00", "search=" + "x" * 500):
        assert browser.get(f"/notes/?{query}").status_code == 200


def test_a_note_is_shown_like_a_message_and_inert(alice: Person, browser: Client) -> None:
    content = f"# Head {PROBE}\n\n```python\nx = 1\n```\n\n[a](javascript:alert(1)) {PROBE}"
    note = save(alice, content, title=PROBE, tags=[PROBE], source_url="https://a.example/?x=<b>")

    for path in (f"{note}/", "", f"?search={PROBE}", f"?tag={PROBE}", f"{note}/edit/"):
        page = text(browser.get(f"/notes/{path}"))
        assert "<img" not in page
        assert "<b>" not in page
        assert 'href="javascript' not in page
    page = text(browser.get(f"/notes/{note}/"))
    assert '<figure class="code">' in page
    assert "<h1>Head" in page
    assert 'rel="noopener noreferrer nofollow"' in page


def test_a_note_leads_back_to_its_chat_while_that_is_there(alice: Person, browser: Client) -> None:
    chat = alice.chat()
    reply = alice.say(chat, "x").json()["reply"]["id"]
    note = alice.post(f"/api/chats/{chat}/messages/{reply}/save/").json()["id"]

    assert f'href="/chats/{chat}/#m-{reply}"' in text(browser.get(f"/notes/{note}/"))
    alice.http.delete(f"/api/chats/{chat}/")
    assert "from this chat" not in text(browser.get(f"/notes/{note}/"))


def test_notes_are_written_changed_and_deleted_by_plain_forms(alice: Person, browser: Client) -> None:
    made = browser.post("/notes/new/", {"title": "", "content": "# Soup\r\n\r\nBoil.", "tags": "Food, slow cooking"})
    note = made.headers["Location"].split("/")[2]
    stored = alice.get(f"/api/notes/{note}/").json()
    assert (stored["title"], stored["content"]) == ("Soup", "# Soup\n\nBoil.")
    assert stored["tags"] == ["food", "slow-cooking"]

    assert "food, slow-cooking" in text(browser.get(f"/notes/{note}/edit/"))
    browser.post(f"/notes/{note}/edit/", {"title": "Leek soup", "content": "Boil more.", "tags": ""})
    stored = alice.get(f"/api/notes/{note}/").json()
    assert (stored["title"], stored["content"], stored["tags"]) == ("Leek soup", "Boil more.", [])

    assert browser.post(f"/notes/{note}/delete/").headers["Location"] == "/notes/"
    assert browser.get(f"/notes/{note}/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"content": " \n"}, "This field is required"),
        ({"content": ""}, "This field is required"),
        ({"content": "x", "title": "y" * 201}, "at most 200"),
        ({"content": "x", "tags": "y" * 41}, "A tag has at most 40 characters."),
        ({"content": "x\0"}, "Null characters"),
    ],
)
def test_a_wrong_form_is_shown_again_with_what_was_typed(
    alice: Person, browser: Client, fields: dict[str, str], words: str
) -> None:
    note = save(alice, "Old")
    for address in ("/notes/new/", f"/notes/{note}/edit/"):
        answer = browser.post(address, {"title": "kept typing", "tags": "", **fields})

        assert answer.status_code == 400
        page = answer.content.decode()
        assert words in page or "Write something first" in page
        assert fields.get("title", "kept typing") in page
    assert [row["title"] for row in alice.get("/api/notes/").json()["results"]] == ["Old"]


def test_a_saved_reply_that_is_longer_than_a_message_can_be_edited(alice: Person, browser: Client, settings) -> None:
    note = save(alice, "x" * 300)
    settings.MAX_MESSAGE_CHARS = 100

    fine = browser.post(f"/notes/{note}/edit/", {"title": "t", "content": "x" * 299 + "y", "tags": ""})
    longer = browser.post(f"/notes/{note}/edit/", {"title": "t", "content": "x" * 301, "tags": ""})

    assert fine.status_code == 302
    assert longer.status_code == 400


def test_another_users_note_is_not_there(alice: Person, bob: Person, sign_in: Browser) -> None:
    note, other = save(alice, "My secret"), sign_in(bob)

    for method, path in (("get", ""), ("get", "edit/"), ("post", "edit/"), ("post", "delete/")):
        for id_ in (note, str(uuid.uuid4())):
            answer = getattr(other, method)(f"/notes/{id_}/{path}", {"content": "mine", "title": "", "tags": ""})
            assert answer.status_code == 404
            assert "secret" not in answer.content.decode()
    assert "secret" not in text(other.get("/notes/"))
    assert alice.get(f"/api/notes/{note}/").json()["content"] == "My secret"


def test_strangers_sign_in_first_and_forms_need_their_token(alice: Person, browser: Client) -> None:
    note = save(alice, "x")
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = browser.cookies

    for path in ("/notes/", "/notes/new/", f"/notes/{note}/", f"/notes/{note}/edit/"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/accounts/sign-in/")
        assert browser.get(path).headers["Cache-Control"] == "no-store"
    for path in ("/notes/new/", f"/notes/{note}/edit/", f"/notes/{note}/delete/"):
        assert careful.post(path, {"content": "x"}).status_code == 403
    assert browser.get(f"/notes/{note}/delete/").status_code == 405


def test_an_unconfirmed_address_writes_nothing(alice: Person, browser: Client, settings) -> None:
    note = save(alice, "x")
    settings.REQUIRE_CONFIRMED_EMAIL = True

    assert browser.post("/notes/new/", {"title": "", "content": "y", "tags": ""}).status_code == 403
    assert browser.post(f"/notes/{note}/edit/", {"title": "", "content": "y", "tags": ""}).status_code == 403
    assert browser.post(f"/notes/{note}/delete/").status_code == 302


def test_notes_are_a_click_away(browser: Client) -> None:
    for path in ("/", "/accounts/devices/"):
        assert 'href="/notes/"' in text(browser.get(path))


def test_staff_see_that_there_are_notes_and_not_what_is_in_them(alice: Person, bob: Person, sign_in: Browser) -> None:
    from accounts.models import User

    note = save(alice, "My secret", title="Secret title", tags=["secret-tag"], source_url="https://secret.example")
    User.objects.filter(pk=bob.id).update(is_staff=True, is_superuser=True)
    staff = sign_in(bob)

    for path in ("/admin/notes/note/", f"/admin/notes/note/{note}/change/", f"/admin/notes/note/{note}/delete/"):
        page = text(staff.get(path))
        assert note in page
        assert "secret" not in page.lower()
    assert staff.get("/admin/notes/note/add/").status_code == 403
    assert note not in text(staff.get("/admin/notes/note/?q=secret"))  # not even found by it
