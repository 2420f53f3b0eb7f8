"""GET /api/changes/ as JSON: from a cursor, in pages, waited for; own changes only."""

import time
from typing import Any

import pytest

from chats.models import Change
from chats.tests.helpers import at_once, eventually, is_refusal
from conftest import Person
from feed.tests.helpers import PATH, after, all_after, now


def test_without_a_cursor_it_is_the_place_of_now(alice: Person) -> None:
    alice.chat()
    cursor = now(alice)

    chat = alice.chat()

    results, end = all_after(alice, cursor)
    assert [(row["kind"], row["chat"], row["message"]) for row in results] == [("chat", chat, None)]
    assert all_after(alice, end)[0] == []  # the place itself moves with whatever else is written


def test_pages_follow_one_another_without_gap_or_repeat(alice: Person) -> None:
    cursor = now(alice)
    chats = [alice.chat() for _ in range(7)]

    results, _ = all_after(alice, cursor, size=3)

    assert [row["chat"] for row in results] == chats
    assert [row["chat"] for row in after(alice, results[3]["id"])["results"]] == chats[4:], "each id is a cursor"
    whole = after(alice, cursor, page_size=7)
    assert (len(whole["results"]), whole["more"]) == (7, False)


def test_a_turn_names_its_reply(alice: Person) -> None:
    chat, cursor = alice.chat(), now(alice)

    reply = alice.say(chat, "Hello").json()["reply"]["id"]

    results, _ = all_after(alice, cursor)
    assert [(row["kind"], row["chat"], row["message"]) for row in results] == [("message", chat, reply)] * 2
    assert all(row["at"].endswith("Z") for row in results)


def test_what_others_do_is_not_seen(alice: Person, bob: Person) -> None:
    cursors = now(alice), now(bob)
    chat = alice.chat()
    alice.say(chat, "Secret")

    assert all_after(bob, cursors[1])[0] == []
    assert all_after(bob, cursors[0])[0] == [], "with her cursor, too"
    assert Change.objects.filter(user_id=bob.id).count() == 0


def test_waiting_ends_with_the_first_change(alice: Person) -> None:
    cursor = now(alice)

    def change_soon() -> Any:
        time.sleep(0.7)
        return alice.post("/api/chats/").json()["id"]

    started = time.monotonic()
    page, chat = at_once([lambda: after(alice, cursor, wait=20), change_soon])

    assert [row["chat"] for row in page["results"]] == [chat]
    assert time.monotonic() - started < 5


def test_waiting_for_nothing_ends_in_time_and_moves_on(alice: Person, bob: Person) -> None:
    cursor = now(alice)
    bob.chat()
    started = time.monotonic()

    page = after(alice, cursor, wait=1)

    assert (page["results"], page["more"]) == ([], False)
    assert 1 <= time.monotonic() - started < 5
    assert tuple(map(int, page["next"].split("."))) >= tuple(map(int, cursor.split(".")))


def test_a_change_of_another_process_ends_a_wait(alice: Person, settings: Any) -> None:
    """Nobody announces what other processes commit; they are found by the next look."""
    cursor, chat = now(alice), alice.chat()
    cursor = all_after(alice, cursor)[1]

    def commit_elsewhere() -> None:
        time.sleep(0.5)
        Change.objects.create(user_id=alice.id, kind="chat", chat=chat, at="2026-11-27T00:00:00Z")

    page, _ = at_once([lambda: after(alice, cursor, wait=20), commit_elsewhere])

    assert [row["chat"] for row in page["results"]] == [chat]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"after": "x"}, "after"),
        ({"after": "1"}, "after"),
        ({"after": "1.2.3"}, "after"),
        ({"after": "-1.2"}, "after"),
        ({"after": "٣.٣"}, "after"),
        ({"after": f"{10**19}.1"}, "after"),
        ({"wait": "61"}, "wait"),
        ({"wait": "-1"}, "wait"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "201"}, "page_size"),
    ],
)
def test_what_is_wrong_is_named(alice: Person, query: dict[str, str], name: str) -> None:
    answer = alice.get(PATH, params=query)

    assert is_refusal(answer, 400)
    assert name in answer.json()["errors"]


def test_head_and_both_forms_of_the_address(alice: Person) -> None:
    alice.chat()

    for path in (PATH, PATH.rstrip("/")):
        assert alice.get(path).status_code == 200
        head = alice.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["cache-control"] == "no-store"
        assert alice.http.head(path, headers={"Accept": "text/event-stream"}).status_code == 200
        assert is_refusal(alice.post(path), 405)


def test_a_session_that_ends_ends_the_wait(alice: Person) -> None:
    cursor = now(alice)
    assert alice.post("/api/logout-all/").status_code == 204

    assert is_refusal(alice.get(PATH, params={"after": cursor, "wait": 5}), 401)


def test_waits_count_as_streams(alice: Person, settings: Any) -> None:
    settings.STREAMS_PER_USER = 1
    cursor = now(alice)

    waits = at_once([lambda: alice.get(PATH, params={"after": cursor, "wait": 1}) for _ in range(3)])

    assert sorted(answer.status_code for answer in waits) == [200, 429, 429]
    assert eventually(lambda: alice.get(PATH, params={"after": cursor, "wait": 1}).status_code == 200)
