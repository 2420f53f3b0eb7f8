"""`/api/notes/`: what is kept, what is refused, and whose it is."""

import uuid
from typing import Any

import httpx
import pytest

from chats.tests.helpers import at_once, is_refusal
from conftest import Person

NOT_TEXT = [None, 1, True, [], {}, "", "  \n", "NUL \0 inside", "lone \ud800 surrogate"]


def save(person: Person, content: str, **values: Any) -> dict[str, Any]:
    answer = person.post("/api/notes/", {"content": content, **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["title"] for row in answer.json()["results"]]


def test_a_note_is_kept_as_it_was_sent_and_found_again(alice: Person) -> None:
    text = "  Soup 🍲\r\n\r\n* leeks\n* \tcream  \n"

    note = save(
        alice, text, title="Soup", tags=["Cooking", "#Winter food", "cooking"], source_url="https://a.example/x"
    )

    assert note["content"] == text
    assert note["tags"] == ["cooking", "winter-food"]
    assert (note["source"], note["source_url"], note["truncated"]) == ("link", "https://a.example/x", False)
    assert alice.get(f"/api/notes/{note['id']}/").json() == note
    assert alice.get(f"/api/notes/{note['id']}").json() == note
    listed = alice.get("/api/notes/").json()["results"][0]
    assert (listed["id"], listed["excerpt"], listed["length"]) == (note["id"], "Soup 🍲 * leeks * cream", len(text))


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Sure!\n\n## How to make *soup* ##\n\nBoil it.", "How to make soup"),
        ("```\n# no heading\n```\nFirst words", "First words"),
        ("- **Leeks**, and [cream](https://a.example)", "Leeks, and cream"),
        ("***", "Note"),
        ("- [x] Done", "Done"),
        ("---\n\n> 1. *Quoted* `code` 🍲", "Quoted code 🍲"),
        ("word " * 100, "word " * 38 + "word…"),
        ("x" * 500, "x" * 200),
        ("x" * 199 + " and more", "x" * 199),
    ],
)
def test_without_a_title_there_is_one_in_the_content(alice: Person, content: str, title: str) -> None:
    found = save(alice, content)["title"]

    assert found == title
    assert len(found) <= 200


def test_the_same_save_is_one_note_also_at_once(alice: Person, bob: Person) -> None:
    body = {"content": "Same", "title": "Twice", "tags": ["a"]}

    answers = at_once([lambda: httpx.post(f"{alice.http.base_url}/api/notes/", json=body, headers=head(alice))] * 6)

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert titles(alice.get("/api/notes/")) == ["Twice"]
    assert alice.post("/api/notes/", body | {"tags": ["b"]}).status_code == 201
    assert bob.post("/api/notes/", body).status_code == 201


def head(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def test_a_repetition_finds_the_note_that_was_changed_since_until_it_is_deleted(alice: Person) -> None:
    note = save(alice, "First")
    alice.http.patch(f"/api/notes/{note['id']}/", json={"content": "Second"})

    again = alice.post("/api/notes/", {"content": "First"})

    assert (again.status_code, again.json()["id"], again.json()["content"]) == (200, note["id"], "Second")
    assert alice.http.delete(f"/api/notes/{note['id']}/").status_code == 204
    assert alice.post("/api/notes/", {"content": "First"}).status_code == 201


def test_what_is_given_changes_and_the_rest_stays(alice: Person) -> None:
    note = save(alice, "# One\n\nbody", tags=["x"])
    address = f"/api/notes/{note['id']}/"

    renamed = alice.http.patch(address, json={"title": " Another \n name "}).json()
    assert (renamed["title"], renamed["content"], renamed["tags"]) == ("Another name", note["content"], ["x"])
    assert renamed["updated_at"] > renamed["created_at"] == note["created_at"]
    assert alice.http.patch(address, json={"tags": [], "content": "# Two"}).json()["tags"] == []
    assert alice.http.patch(address, json={"title": ""}).json()["title"] == "Two"
    forged = {"id": str(uuid.uuid4()), "owner": 1, "source": "message", "created_at": "2001-01-01T00:00:00Z"}
    assert set(alice.http.patch(address, json=forged).json()["errors"]) == set(forged)
    untouched = alice.get(address).json()
    assert (untouched["id"], untouched["source"], untouched["created_at"]) == (note["id"], "api", note["created_at"])


def test_every_word_is_looked_for_in_title_content_and_tags_in_any_case(alice: Person, bob: Person) -> None:
    save(alice, "Ein Stück Käse aus der STRASSE", title="Einkauf", tags=["Markt"])
    save(alice, "100 % cotton_shirt\\size", title="Laundry")
    save(bob, "KÄSE", title="Bob's")

    def found(search: str) -> list[str]:
        return titles(alice.get("/api/notes/", params={"search": search}))

    for search in ("käse", "KÄSE", "Ka\u0308se", "straße", "einkauf KÄSE", "MARKT stück", "ｋäse"):
        assert found(search) == ["Einkauf"], search
    assert found("%") == found("n_s") == found("\\s") == ["Laundry"]
    for search in ("k_se", "cotton%shirt", "käse laundry", "nothing"):
        assert found(search) == [], search
    assert found("") == ["Laundry", "Einkauf"]


def test_a_tag_is_found_whole(alice: Person) -> None:
    save(alice, "A", tags=["red wine", "tag"])
    save(alice, "B", tags=["tags", "wine"])

    def found(tag: str) -> list[str]:
        return titles(alice.get("/api/notes/", params={"tag": tag}))

    assert found("Red Wine") == found("#red-wine") == ["A"]
    assert found("wine") == ["B"]
    assert found("ta") == []


def test_pages_lead_through_all_notes_newest_first(alice: Person) -> None:
    made = [save(alice, f"Note {number}")["id"] for number in range(7)]

    seen, address = [], "/api/notes/?page_size=3"
    while address:
        page = alice.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
        if len(seen) == 3:
            save(alice, "Meanwhile")

    assert seen == made[::-1]


@pytest.mark.parametrize("content", NOT_TEXT)
def test_what_is_no_text_is_refused_with_a_field_error(alice: Person, content: Any) -> None:
    answer = post_raw(alice, {"content": content})

    assert is_refusal(answer, 400)
    assert "content" in answer.json()["errors"]
    assert titles(alice.get("/api/notes/")) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 201), ("title", 7), ("title", "a\0"), ("title", "\udc00"),
        ("tags", "x"), ("tags", ["x" * 41]), ("tags", [str(n) for n in range(21)]), ("tags", [7]), ("tags", {"a": 1}),
        ("source_url", "javascript:alert(1)"), ("source_url", "https://"), ("source_url", "https://a b/"),
        ("source_url", "http://[x"), ("source_url", "https://a/" + "x" * 2000), ("source_url", 5),
    ],
)  # fmt: skip
def test_other_wrong_values_are_refused_by_name(alice: Person, field: str, value: Any) -> None:
    answer = post_raw(alice, {"content": "x", field: value})

    assert is_refusal(answer, 400)
    assert field in answer.json()["errors"]


def post_raw(person: Person, body: Any) -> httpx.Response:
    import json

    headers = {"Content-Type": "application/json"}
    return person.http.post("/api/notes/", content=json.dumps(body).encode(), headers=headers)


@pytest.mark.parametrize("query", ["cursor=x", "cursor=cD14", "page_size=0", "page_size=x", "search=a%00b", "tag=%00"])
def test_a_wrong_query_is_refused(alice: Person, query: str) -> None:
    answer = alice.get(f"/api/notes/?{query}")

    assert is_refusal(answer)


def test_the_longest_note_fits_and_one_longer_does_not(alice: Person, settings) -> None:
    longest = "x" * settings.MAX_MESSAGE_CHARS

    note = save(alice, longest)

    assert note["content"] == longest
    assert is_refusal(alice.post("/api/notes/", {"content": longest + "x"}), 400)


def test_another_users_note_is_not_there(alice: Person, bob: Person) -> None:
    address = f"/api/notes/{save(alice, 'My secret')['id']}/"

    for answer in (
        bob.get(address), bob.http.patch(address, json={"content": "mine"}), bob.http.delete(address),
        bob.get(f"/api/notes/{uuid.uuid4()}/"),
    ):  # fmt: skip
        assert is_refusal(answer, 404)
        assert "secret" not in answer.text
    assert titles(bob.get("/api/notes/?search=secret")) == []
    assert alice.get(address).json()["content"] == "My secret"


def test_strangers_and_wrong_methods_are_refused(alice: Person, live: str) -> None:
    address = f"/api/notes/{save(alice, 'x')['id']}/"

    for path in ("/api/notes/", address):
        answer = httpx.get(f"{live}{path}")
        assert is_refusal(answer, 401)
        assert "Bearer" in answer.headers["WWW-Authenticate"]
        assert is_refusal(alice.http.put(path, json={}), 405)
    assert alice.get(address).headers["Cache-Control"] == "no-store"
    assert is_refusal(alice.http.post("/api/notes/", content="content=x"), 415)
    assert is_refusal(post_raw(alice, ["x"]), 400)


def test_writes_are_limited_per_user_over_all_doors(alice: Person, bob: Person, settings) -> None:
    settings.NOTE_WRITES_PER_MINUTE = 3
    note = save(alice, "one")
    save(alice, "two")
    alice.http.patch(f"/api/notes/{note['id']}/", json={"title": "three"})

    for answer in (
        alice.post("/api/notes/", {"content": "four"}),
        alice.http.patch(f"/api/notes/{note['id']}/", json={"title": "five"}),
    ):
        assert is_refusal(answer, 429)
        assert answer.json()["code"] == "too_many_notes"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert alice.get("/api/notes/").status_code == 200
    save(bob, "one")


def test_there_is_a_place_for_so_many_notes_and_no_more(alice: Person, settings) -> None:
    settings.NOTES_PER_USER = 2
    first, _ = save(alice, "one"), save(alice, "two")

    full = alice.post("/api/notes/", {"content": "three"})

    assert is_refusal(full, 409)
    assert full.json()["code"] == "notes_full"
    assert alice.post("/api/notes/", {"content": "two"}).status_code == 200
    alice.http.delete(f"/api/notes/{first['id']}/")
    save(alice, "three")


def test_parallel_saves_do_not_find_more_room_than_there_is(alice: Person, settings) -> None:
    settings.NOTES_PER_USER = 3
    calls = [lambda text=text: alice.post("/api/notes/", {"content": text}) for text in "abcdefghijklmnop"]

    assert sorted(answer.status_code for answer in at_once(calls)) == [201] * 3 + [409] * 13
    assert len(titles(alice.get("/api/notes/"))) == 3


def test_an_unconfirmed_address_reads_and_deletes_only(alice: Person, settings) -> None:
    note = save(alice, "one")
    settings.REQUIRE_CONFIRMED_EMAIL = True

    refused = [alice.post("/api/notes/", {"content": "x"}), alice.http.patch(f"/api/notes/{note['id']}/", json={})]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "email_not_confirmed")] * 2
    assert titles(alice.get("/api/notes/")) == ["one"]
    assert alice.http.delete(f"/api/notes/{note['id']}/").status_code == 204
