"""GET /api/changes/ as server-sent events: resumed by any id, kept alive, ended with the session and the server."""

import asyncio
from typing import Any

import pytest

from chats.connections import check_sessions
from chats.tests.helpers import SSE, eventually, is_refusal
from chats.turns.engine import server_loop
from conftest import Person
from feed.tests.helpers import PATH, all_after, changes_in, following, now
from feed.wakeups import end_readers


def on_server(call: Any) -> None:
    loop = server_loop()
    assert loop is not None
    asyncio.run_coroutine_threadsafe(call, loop).result(20)


def test_changes_arrive_as_they_are_made(alice: Person, bob: Person) -> None:
    with following(alice) as events:
        start = next(events)
        assert (start.name, start.data) == ("start", {"next": start.id})
        bob.chat()
        chat = alice.chat()
        alice.say(chat, "Hello")

        changes = changes_in(events, 3)

    assert [change.data["kind"] for change in changes] == ["chat", "message", "message"]
    assert {change.data["chat"] for change in changes} == {chat}
    assert [change.id for change in changes] == [change.data["id"] for change in changes]
    assert all_after(alice, start.id)[0] == [change.data for change in changes], "both forms say the same"


def test_the_last_id_wins_over_after(alice: Person) -> None:
    cursor = now(alice)
    chats = [alice.chat() for _ in range(5)]
    ids = [row["id"] for row in all_after(alice, cursor)[0]]

    with following(alice, last=ids[2], after=cursor) as events:
        assert next(events).id == ids[2]
        assert [change.data["chat"] for change in changes_in(events, 2)] == chats[3:]
    with following(alice, after=cursor, page_size=2) as events:
        assert next(events).id == cursor
        assert [change.data["chat"] for change in changes_in(events, 5)] == chats


def test_a_stream_that_was_cut_at_once_can_be_resumed(alice: Person) -> None:
    with following(alice) as events:
        start = next(events).id
    chat = alice.chat()

    with following(alice, last=start) as events:
        next(events)
        assert [change.data["chat"] for change in changes_in(events, 1)] == [chat]


def test_silence_is_kept_alive(alice: Person, settings: Any) -> None:
    settings.KEEPALIVE_SECONDS = 0.1

    with following(alice) as events:
        assert [next(events).name for _ in range(4)] == ["start", "", "", ""]


@pytest.mark.parametrize("last", ["x", "3000000006", "1.x"])
def test_what_is_no_id_of_a_change_is_named(alice: Person, last: str) -> None:
    answer = alice.get(PATH, headers=SSE | {"Last-Event-ID": last})

    assert is_refusal(answer, 400)
    assert "Last-Event-ID" in answer.json()["errors"]


def test_streams_of_changes_and_of_replies_have_one_limit(alice: Person, bob: Person, settings: Any) -> None:
    settings.STREAMS_PER_USER = 1
    chat = alice.chat()

    with following(alice) as events:
        next(events)
        assert is_refusal(alice.get(PATH, headers=SSE), 429)
        assert is_refusal(alice.post(f"/api/chats/{chat}/messages/", {"content": "x"}, headers=SSE), 429)
        assert alice.get(PATH).status_code == 200, "a look is no stream"
        with following(bob) as others:
            assert next(others).name == "start"
    assert eventually(lambda: alice.post(f"/api/chats/{chat}/messages/", {"content": "x"}, headers=SSE).is_success)


def test_the_end_of_a_session_ends_its_streams(alice: Person, bob: Person) -> None:
    with following(alice) as events, following(bob) as others:
        next(events), next(others)
        assert alice.post("/api/logout-all/").status_code == 204

        on_server(check_sessions())

        assert [event.name for event in events if event.name] == []
        chat = bob.chat()
        assert [change.data["chat"] for change in changes_in(others, 1)] == [chat]
    assert is_refusal(alice.get(PATH, headers=SSE), 401)


def test_nothing_is_shown_to_an_ended_session(alice: Person) -> None:
    """Before anybody has looked after it, too."""
    with following(alice) as events:
        next(events)
        assert alice.post("/api/logout-all/").status_code == 204
        from chats.services.chats import create_chat

        create_chat(alice.id, None, "Secret", "", {})

        assert [event.name for event in events if event.name] == []


def test_a_server_that_stops_ends_them(alice: Person) -> None:
    async def stop() -> None:
        end_readers()

    with following(alice) as events:
        next(events)
        on_server(stop())

        assert [event.name for event in events if event.name] == []
