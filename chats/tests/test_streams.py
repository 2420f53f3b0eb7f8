"""Streams: each delta cut to `at`, ids that rise, and the same text for every reader from every position."""

import itertools

import pytest

from chats.tests.helpers import END, STEP, at_once, begin, ended, eventually, fold, followed, ids, sent, streaming
from chats.tests.helpers import fake as scripted
from conftest import Person
from llm.testing import FakeProvider

TEXT = "Grüße, 日本語 and 🦊🏽: a\nb\r\nc\u2028d\u0085e\x00"


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_deltas_folded_are_the_stored_text(alice: Person, vendor: str, chunk: int) -> None:
    chat = alice.chat(model=vendor)

    events = sent(alice, chat, scripted(size=1500, chunk=chunk))

    reply = alice.messages(chat)[-1]
    assert [event.name for event in events[:1] + events[-1:]] == ["start", "end"]
    assert fold(events) == reply["content"]
    assert len(reply["content"]) == 1500
    assert events[-1].data == {"at": 1500, "message": reply}


def test_start_names_chat_question_and_reply(alice: Person) -> None:
    chat = alice.chat()

    start = sent(alice, chat, "Hello")[0]

    question, reply = (row["id"] for row in alice.messages(chat))
    assert start == (None, "start", {"chat": chat, "question": question, "reply": reply})


def test_ids_are_turn_and_offset_and_rise_over_the_whole_chat(alice: Person) -> None:
    chat, seen = alice.chat(), []

    for turn in (1, 2, 3):
        events = sent(alice, chat, scripted(size=300, chunk=9, delay=0.001))
        seen += ids(events)
        for event in events[1:-1]:
            assert event.id == turn * STEP + event.data["at"] + len(event.data["text"])
        assert events[-1].id == turn * STEP + END
        assert END == 999_999_999

    assert all(first < second for first, second in itertools.pairwise(seen))
    assert max(seen) < 2**53


def test_a_stream_is_not_kept_back_by_proxies_or_caches(alice: Person) -> None:
    chat = alice.chat()

    with alice.http.stream(
        "POST", f"/api/chats/{chat}/messages/", json={"content": "x"}, headers={"Accept": "text/event-stream"}
    ) as answer:
        answer.read()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize("way", ["Last-Event-ID", "after"])
def test_resuming_from_any_position_gives_the_rest(alice: Person, fake: FakeProvider, way: str) -> None:
    chat = alice.chat()
    fake.script(chunks=["Grüße 日", "本語 🦊🏽", "👨‍👩‍👧 ", "\r\n\u2028 end"], reasoning="Höm 🤔")
    whole = sent(alice, chat, "x")
    text, base = fold(whole), STEP

    for offset in range(len(text) + 1):
        cursor = base + offset
        rest = (
            followed(alice, chat, headers={"Last-Event-ID": str(cursor)})
            if way == "Last-Event-ID"
            else followed(alice, chat, after=cursor)
        )
        assert all(event > cursor for event in ids(rest))
        assert rest[0].name == "start"
        assert all(event.data["at"] >= offset for event in rest[1:-1])
        assert fold(rest, text[:offset]) == text
        assert rest[-1] == whole[-1]


def test_the_header_wins_over_the_query(alice: Person) -> None:
    chat = alice.chat()
    sent(alice, chat, scripted(size=100))

    rest = followed(alice, chat, headers={"Last-Event-ID": str(STEP + 90)}, after=STEP)

    assert rest[1].data["at"] == 90


def test_after_the_end_there_is_nothing(alice: Person) -> None:
    chat = alice.chat()
    end = sent(alice, chat, "x")[-1]

    assert followed(alice, chat, after=end.id) == []
    assert followed(alice, chat) == []
    assert followed(alice, alice.chat()) == []


def test_a_reply_that_was_named_is_told_from_its_start(alice: Person) -> None:
    chat = alice.chat()
    first = sent(alice, chat, "first")
    second = sent(alice, chat, "second")

    for events in (first, second):
        again = followed(alice, chat, reply=events[0].data["reply"])
        assert fold(again) == fold(events)
        assert again[-1] == events[-1]


def test_the_id_of_an_older_reply_first_gets_its_rest_then_the_newest(alice: Person) -> None:
    chat = alice.chat()
    first, second = sent(alice, chat, scripted(size=60)), sent(alice, chat, scripted(size=80))

    events = followed(alice, chat, after=STEP + 50)

    cut = next(index for index, event in enumerate(events) if event.name == "end") + 1
    assert fold(events[:cut], fold(first)[:50]) == fold(first)
    assert fold(events[cut:]) == fold(second)
    assert [event.data["message"]["id"] for event in events if event.name == "end"] == [
        first[0].data["reply"],
        second[0].data["reply"],
    ]
    assert ids(events) == sorted(set(ids(events)))


def test_the_end_of_an_older_reply_gets_the_newest(alice: Person) -> None:
    chat = alice.chat()
    first, second = sent(alice, chat, "one"), sent(alice, chat, "two")

    assert [event.name for event in followed(alice, chat, after=first[-1].id)].count("end") == 1
    assert fold(followed(alice, chat, after=first[-1].id)) == fold(second)


def test_resuming_while_it_runs_goes_on_to_the_end(alice: Person) -> None:
    chat = alice.chat()
    with streaming(alice, chat, scripted(size=400, chunk=10, delay=0.01)) as events:
        seen = list(itertools.islice(events, 6))

    rest = followed(alice, chat, headers={"Last-Event-ID": str(seen[-1].id)})

    assert fold(rest, fold(seen)) == ended(alice, chat)["content"]
    assert min(ids(rest)) > max(ids(seen))


def test_many_readers_see_the_same_and_each_gets_one_end(alice: Person) -> None:
    chat = alice.chat()
    reply = begin(alice, chat, scripted(size=600, chunk=6, delay=0.005))["id"]

    readers = at_once([lambda: followed(alice, chat, reply=reply) for _ in range(5)])

    stored = ended(alice, chat)["content"]
    assert len(stored) == 600
    for events in readers:
        assert fold(events) == stored
        assert [event.name for event in events].count("end") == 1


def test_reasoning_and_text_are_told_apart_on_one_line_of_offsets(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="The answer.", reasoning="Let me think. ")

    events = sent(alice, chat, "x")

    reply = alice.messages(chat)[-1]
    assert (reply["reasoning"], reply["content"]) == ("Let me think. ", "The answer.")
    assert fold(events) == "Let me think. The answer."
    kinds = [event.data["kind"] for event in events if event.name == "delta"]
    assert kinds == sorted(kinds)
    assert kinds[0] == "reasoning"
    assert events[-1].data["at"] == len("Let me think. The answer.")


def test_interleaved_parts_keep_their_order_for_late_readers(alice: Person, fake: FakeProvider) -> None:
    """A continued reply begins with its old text; the new run's reasoning comes after it."""
    chat = alice.chat()
    fake.script(chunks=["One, ", "never"], reasoning="First thought. ", cut_after=1)
    cut = sent(alice, chat, "count")[-1].data["message"]["id"]
    fake.script(text="two.", reasoning="Second thought. ")
    alice.post(f"/api/chats/{chat}/messages/{cut}/continue/")

    reply = alice.messages(chat)[-1]
    again = followed(alice, chat, reply=reply["id"])

    assert (reply["reasoning"], reply["content"]) == ("First thought. Second thought. ", "One, two.")
    assert fold(again) == "First thought. One, Second thought. two."
    assert [event.data["kind"] for event in again[1:-1]] == ["reasoning", "text", "reasoning", "text"]


def test_while_nothing_comes_there_are_keep_alives(alice: Person, fake: FakeProvider, settings) -> None:
    settings.KEEPALIVE_SECONDS = 0.3
    chat = alice.chat()
    fake.script(first_delay=2, text="Late.")

    events = sent(alice, chat, "x")

    kept = [event for event in events if event.name == "keep-alive"]
    assert len(kept) >= 2
    assert fold(events) == "Late."
    assert all(event.id is None for event in kept)


@pytest.mark.parametrize("text", ["data: x\n\nid: 7\nevent: end\n\n", "\r\rdata: {}\r\r", "\x00\x1b[2J", TEXT])
def test_text_cannot_make_or_end_an_event(alice: Person, fake: FakeProvider, text: str) -> None:
    chat = alice.chat()
    fake.script(chunks=[text, text])

    events = sent(alice, chat, text.replace("\x00", ""))

    assert {event.name for event in events} == {"start", "delta", "end"}
    assert fold(events) == (text * 2).replace("\x00", "\ufffd") == alice.messages(chat)[-1]["content"]


def test_html_comes_with_the_end_where_it_is_asked_for(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="**Bold**")
    sent(alice, chat, "x")

    plain, html = followed(alice, chat, after=0), followed(alice, chat, after=0, html=1)

    assert "content_html" not in plain[-1].data["message"]
    assert html[-1].data["message"]["content_html"] == "<p><strong>Bold</strong></p>\n"


def test_the_stored_text_of_a_running_reply_is_in_the_history(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Half ", "never"], stall_after=1)
    begin(alice, chat, "x")

    reply = eventually(lambda: (row := alice.messages(chat)[-1])["content"] and row)

    assert (reply["content"], reply["state"]) == ("Half ", "streaming")
    assert alice.get(f"/get_chat_messages/{chat}/").json()[-1]["content"] == "Half "
    assert alice.post(f"/api/chats/{chat}/stop/").json()["content"] == "Half "


def test_too_many_streams_are_refused_and_start_nothing(alice: Person, fake: FakeProvider, settings) -> None:
    settings.STREAMS_PER_USER = 1
    chat, other = alice.chat(), alice.chat()
    with streaming(alice, chat, scripted(size=40, chunk=1, delay=0.05)) as events:
        next(events)
        refused = alice.post(f"/api/chats/{other}/messages/", {"content": "x"}, headers={"Accept": "text/event-stream"})
        alice.post(f"/api/chats/{chat}/stop/")

    assert refused.status_code == 429
    assert refused.json()["code"] == "too_many_streams"
    assert alice.messages(other) == []
    assert len(fake.requests()) == 1
