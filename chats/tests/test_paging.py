"""Pages of chats and of messages: in one order, without gaps or repeats."""

import itertools
from urllib.parse import urlsplit

from chats.models import Chat
from chats.tests.helpers import at_once, is_refusal
from conftest import Person


def followed_links(person: Person, path: str, name: str) -> list[list[dict]]:
    """Return the pages that a chain of links leads through."""
    pages, link = [], path
    while link:
        parts = urlsplit(link)
        page = person.get(f"{parts.path}?{parts.query}").json()
        pages.append(page["results"])
        link = page[name]
    return pages


def test_previous_leads_back_through_a_long_branch(alice: Person, settings) -> None:
    settings.CONTEXT_TURNS = 0
    chat = alice.chat()
    for number in range(60):
        alice.say(chat, f"Q{number}", model="demo")

    pages = followed_links(alice, f"/api/chats/{chat}/messages/", "previous")

    assert [len(page) for page in pages] == [50, 50, 20]
    rows = [row for page in reversed(pages) for row in page]
    assert [row["number"] for row in rows] == list(range(1, 121))
    assert all(row["parent"] == before["id"] for before, row in itertools.pairwise(rows))
    small = followed_links(alice, f"/api/chats/{chat}/messages/?page_size=7&html=1", "previous")
    assert [row["id"] for page in reversed(small) for row in page] == [row["id"] for row in rows]
    assert all("content_html" in row for page in small for row in page)
    assert [row["id"] for row in alice.get(f"/get_chat_messages/{chat}/").json()] == [row["id"] for row in rows]


def test_pages_of_another_branch_stay_on_it(alice: Person) -> None:
    chat = alice.chat()
    for number in range(3):
        alice.say(chat, f"Q{number}")
    old = alice.messages(chat)
    alice.post(f"/api/chats/{chat}/messages/{old[2]['id']}/edit/", {"content": "other"})

    pages = followed_links(alice, f"/api/chats/{chat}/messages/?page_size=2&branch={old[-1]['id']}", "previous")

    assert [row["id"] for page in reversed(pages) for row in page] == [row["id"] for row in old]


def test_an_empty_chat_has_an_empty_page(alice: Person) -> None:
    assert alice.get(f"/api/chats/{alice.chat()}/messages/").json() == {"next": None, "previous": None, "results": []}


def test_the_list_of_chats_is_newest_activity_first(alice: Person) -> None:
    first, second, third = (alice.chat() for _ in range(3))
    alice.say(first, "x")

    assert [chat["id"] for chat in alice.get("/api/chats/").json()["results"]] == [first, third, second]


def test_the_cursor_leads_through_all_chats_and_back(alice: Person) -> None:
    made = [alice.chat() for _ in range(23)]

    pages = followed_links(alice, "/api/chats/?page_size=5", "next")

    assert [chat["id"] for page in pages for chat in page] == made[::-1]
    last = alice.get("/api/chats/?page_size=20").json()["next"]
    parts = urlsplit(alice.get(f"{urlsplit(last).path}?{urlsplit(last).query}").json()["previous"])
    assert [chat["id"] for chat in alice.get(f"{parts.path}?{parts.query}").json()["results"]] == made[:2:-1]


def test_chats_of_the_same_instant_are_neither_skipped_nor_repeated(alice: Person) -> None:
    made = [alice.chat() for _ in range(12)]
    instant = Chat.objects.get(pk=made[0]).updated_at
    Chat.objects.filter(pk__in=made).update(updated_at=instant)

    pages = followed_links(alice, "/api/chats/?page_size=5", "next")

    assert sorted(chat["id"] for page in pages for chat in page) == sorted(made)


def test_filters_are_kept_by_the_links(alice: Person) -> None:
    for number in range(6):
        chat = alice.chat(title=f"Lisbon {number}")
        alice.http.patch(f"/api/chats/{chat}/", json={"pinned": number % 2 == 0})

    pages = followed_links(alice, "/api/chats/?page_size=1&pinned=true&search=lisbon", "next")

    assert [chat["title"] for page in pages for chat in page] == ["Lisbon 4", "Lisbon 2", "Lisbon 0"]


def test_archived_chats_are_listed_where_they_are_asked_for(alice: Person) -> None:
    chat, other = alice.chat(), alice.chat()
    alice.http.patch(f"/api/chats/{chat}/", json={"archived": True})

    assert [row["id"] for row in alice.get("/api/chats/").json()["results"]] == [other]
    assert [row["id"] for row in alice.get("/api/chats/?archived=true").json()["results"]] == [chat]


def test_a_search_looks_past_case_and_accents(alice: Person) -> None:
    """However the title came about: made with the chat, by its first message, by its owner."""
    made, asked, renamed = alice.chat(title="Grüne Äpfel"), alice.chat(), alice.chat(title="x")
    alice.say(asked, "Die STRASSE nach Köln", model="demo")
    alice.http.patch(f"/api/chats/{renamed}/", json={"title": "東京 ﬁlm"})

    for search, chat in (("äpfel", made), ("APFEL", made), ("ÄP", made), ("straße nach koln", asked), ("京", renamed),
                         ("film", renamed)):  # fmt: skip
        rows = alice.get("/api/chats/", params={"search": search}).json()["results"]
        assert [row["id"] for row in rows] == [chat], search


def test_a_search_means_its_signs_literally(alice: Person) -> None:
    for title in ("100% sure", "100 sure", "a_b", "axb"):
        alice.chat(title=title)

    for search, found in (("0%", ["100% sure"]), ("a_b", ["a_b"]), ("\\", []), ("SURE", ["100 sure", "100% sure"])):
        rows = alice.get("/api/chats/", params={"search": search}).json()["results"]
        assert [row["title"] for row in rows] == found


def test_messages_keep_one_order_while_two_people_write_at_once(alice: Person, bob: Person) -> None:
    chats = [(person, person.chat()) for person in (alice, bob)]

    at_once([lambda person=person, chat=chat: person.say(chat, "x") for person, chat in chats for _ in range(3)])

    for person, chat in chats:
        numbers = [row["number"] for row in person.messages(chat)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_titles_are_made_once_from_the_first_message(alice: Person) -> None:
    chat, named = alice.chat(), alice.chat(title="Mine")
    for content in ('"One\n two  three four five six"', "Another"):
        alice.say(chat, content)
        alice.say(named, content)

    assert alice.get(f"/api/chats/{chat}/").json()["title"] == "One two three four five"
    assert alice.get(f"/api/chats/{named}/").json()["title"] == "Mine"


def test_making_a_chat_twice_is_the_same_chat(alice: Person) -> None:
    chat = alice.chat(title="First")

    again = alice.post("/api/chats/", {"id": chat, "title": "Second"})

    assert (again.status_code, again.json()["title"]) == (200, "First")
    assert is_refusal(alice.get("/api/chats/?ordering=title&page_size=0"), 400)
