"""`/api/chat` on the wire: what the packages' own tests (tests/clients) cannot see."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import Person
from llm.testing import FakeProvider

CHAT = "Xy12345678901234"


def message(text: str, id_: str = "Pw0sp30pb1JhQyLc", **values: Any) -> dict[str, Any]:
    return {"id": id_, "role": "user", "parts": [{"type": "text", "text": text}], **values}


def body(text: str = "hi", id_: str = "Pw0sp30pb1JhQyLc", **values: Any) -> dict[str, Any]:
    return {"id": CHAT, "messages": [message(text, id_)], "trigger": "submit-message", **values}


def chunks_of(text: str) -> list[dict[str, Any]]:
    """Cut a stream into its chunks; it ends with [DONE]."""
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_the_chunks_are_those_of_the_protocol(alice: Person) -> None:
    answer = alice.post("/api/chat", body('!fake {"reasoning": "Hm.", "text": "Yes."}'))

    chunks = chunks_of(answer.text)
    kinds = [chunk["type"] for chunk in chunks]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.headers["x-accel-buffering"] == "no"
    assert kinds[:2] == ["start", "start-step"]
    assert kinds[-2:] == ["finish-step", "finish"]
    assert [kind for kind in kinds if kind.endswith(("-start", "-end"))] == [
        "reasoning-start",
        "reasoning-end",
        "text-start",
        "text-end",
    ]
    assert "null" not in answer.text
    assert chunks[-1]["finishReason"] == "stop"
    assert set(chunks[-1]) == {"type", "finishReason", "messageMetadata"}
    stored = alice.get(f"/api/chat/{CHAT}/messages").json()
    assert chunks[0]["messageId"] == stored[-1]["id"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "invalid"),
        ([], "invalid"),
        ({"id": 5, "messages": []}, "invalid"),
        ({"id": "x"}, "invalid"),
        ({"id": "x", "messages": "no"}, "invalid"),
        ({"id": "x", "messages": [7]}, "invalid"),
        ({"id": "x", "messages": [message("")]}, "invalid"),
        ({"id": "x", "messages": [message("  \n")]}, "invalid"),
        ({"id": "x", "messages": [message("a\0b")]}, "invalid"),
        ({"id": "x", "messages": [{"role": "user", "parts": {"type": "text"}}]}, "invalid"),
        ({"id": "x", "messages": [{"role": "user", "parts": [{"type": "text", "text": None}]}]}, "invalid"),
        ({"id": "x", "messages": [{"role": "user", "id": 7, "parts": [{"type": "text", "text": "a"}]}]}, "invalid"),
        ({"id": "x" * 256, "messages": [message("a")]}, "invalid"),
        ({"id": "x\0", "messages": [message("a")]}, "invalid"),
        ({"id": "x", "messages": [message("a")], "trigger": "resume"}, "invalid"),
        ({"id": "x", "messages": [message("a")], "model": ["gpt"]}, "invalid"),
        ({"id": "x", "messages": [message("a")], "model": "no/such"}, "unknown_model"),
        ({"id": "x", "message": {"role": "assistant", "parts": []}}, "invalid"),
        ({"id": "x", "messages": [message("a", parts=[{"type": "file", "url": "data:,"}])]}, "invalid"),
    ],
)
def test_a_bad_body_is_refused_shortly(given: Any, code: str, alice: Person, fake: FakeProvider) -> None:
    answer = alice.post("/api/chat", given)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "detail"}
    assert fake.requests() == []


def test_a_lone_surrogate_is_refused(alice: Person) -> None:
    raw = json.dumps(body("half \ud83d of it")).encode()

    answer = alice.http.post("/api/chat", content=raw, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400


def test_the_same_message_again_gets_the_same_reply(alice: Person, fake: FakeProvider) -> None:
    first = chunks_of(alice.post("/api/chat", body()).text)
    second = chunks_of(alice.post("/api/chat", body()).text)

    assert first[0]["messageId"] == second[0]["messageId"]
    assert len(fake.requests("openai")) == 1


def test_of_parallel_posts_of_one_message_one_is_asked(alice: Person, fake: FakeProvider) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: alice.post("/api/chat", body('!fake {"delay": 0.05}')), range(8)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert len(fake.requests("openai")) == 1
    assert len(alice.get(f"/api/chat/{CHAT}/messages").json()) == 2


def test_a_key_makes_it_repeatable_and_belongs_to_one_content(alice: Person, fake: FakeProvider) -> None:
    key = {"Idempotency-Key": "k1"}
    first = alice.post("/api/chat", body("one", "id1"), headers=key)
    again = alice.post("/api/chat", body("one", "id2"), headers=key)
    other = alice.post("/api/chat", body("two", "id3"), headers=key)

    assert chunks_of(first.text)[0] == chunks_of(again.text)[0]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(fake.requests("openai")) == 1


def test_a_chat_made_over_rest_goes_on_here(alice: Person) -> None:
    chat = alice.chat(title="Mine")
    alice.say(chat, "over REST")

    alice.post("/api/chat", body(id=chat))

    rows = alice.messages(chat)
    assert [row["role"] for row in rows] == ["user", "assistant"] * 2
    assert rows[2]["client_id"] == "Pw0sp30pb1JhQyLc"
    assert alice.get(f"/api/chats/{chat}/").json()["title"] == "Mine"


def test_a_uuid_of_the_clients_own_becomes_the_chat(alice: Person, bob: Person) -> None:
    chat = "0192f0c1-2d3e-7abc-8def-0123456789ab"
    alice.post("/api/chat", body(id=chat))

    assert alice.get(f"/api/chats/{chat}/").status_code == 200
    assert bob.post("/api/chat", body(id=chat)).status_code == 404


def test_ids_with_odd_characters_work(alice: Person) -> None:
    chat = "a/b c?d#é%"
    alice.post("/api/chat", body(id=chat))

    path = "/api/chat/a%2Fb%20c%3Fd%23%C3%A9%25"
    assert len(alice.get(f"{path}/messages").json()) == 2
    assert alice.get(f"{path}/stream").status_code == 204
    assert alice.post(f"{path}/stop").status_code == 200


def test_a_second_message_waits_its_turn(alice: Person) -> None:
    with alice.http.stream("POST", "/api/chat", json=body('!fake {"size": 300, "chunk": 3, "delay": 0.03}')) as running:
        next(running.iter_lines())
        answer = alice.post("/api/chat", body("too soon", "other"))
        history = alice.get(f"/api/chat/{CHAT}/messages").json()
        alice.post(f"/api/chat/{CHAT}/stop")

    assert (answer.status_code, answer.json()["code"]) == (409, "turn_running")
    assert [row["role"] for row in history] == ["user"]


def test_nothing_is_told_to_who_is_not_signed_in(alice: Person) -> None:
    alice.post("/api/chat", body())
    del alice.http.headers["Authorization"]

    for answer in (
        alice.post("/api/chat", body()),
        alice.get(f"/api/chat/{CHAT}/stream"),
        alice.get(f"/api/chat/{CHAT}/messages"),
        alice.post(f"/api/chat/{CHAT}/stop"),
    ):
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "detail"}


def test_stop_before_any_turn_changes_nothing(alice: Person) -> None:
    chat = alice.chat()

    assert alice.post(f"/api/chat/{chat}/stop").json() == {"message": None}


def test_a_large_history_is_taken_and_a_larger_one_refused(alice: Person, settings: Any) -> None:
    settings.MAX_CHAT_BODY_BYTES = 6 * 2**20
    many = [message("x" * 1000, f"m{number}") for number in range(5000)]

    taken = alice.post("/api/chat", body(messages=many))
    refused = alice.post("/api/chat", body(messages=many * 2))

    assert taken.status_code == 200
    assert refused.status_code == 413
    assert len(alice.get(f"/api/chat/{CHAT}/messages").json()) == 2


def test_history_pages_backwards(alice: Person) -> None:
    for number in range(3):
        alice.post("/api/chat", body(str(number), f"m{number}"))

    last = alice.get(f"/api/chat/{CHAT}/messages?limit=2").json()
    before = alice.get(f"/api/chat/{CHAT}/messages?limit=2&before=m2").json()

    assert last[0]["id"] == "m2"
    assert before[0]["id"] == "m1"
    assert alice.get(f"/api/chat/{CHAT}/messages?before=unknown").status_code == 404


def test_while_nothing_comes_the_connection_is_kept_alive(alice: Person, settings: Any) -> None:
    settings.KEEPALIVE_SECONDS, settings.CHAT_STATUS_SECONDS = 0.2, 0.1

    answer = alice.post("/api/chat", body('!fake {"first_delay": 1.5}'))

    assert ": keep-alive\n\n" in answer.text
    assert chunks_of(answer.text)[-1]["type"] == "finish"


def test_a_deleted_chat_ends_the_stream_with_an_error(alice: Person) -> None:
    with alice.http.stream("POST", "/api/chat", json=body('!fake {"size": 300, "chunk": 3, "delay": 0.03}')) as answer:
        lines = answer.iter_lines()
        next(lines)
        chat = next(row["id"] for row in alice.get("/api/chats/").json()["results"])
        alice.http.delete(f"/api/chats/{chat}/")
        rest = [line for line in lines if line]

    assert json.loads(rest[-2].removeprefix("data: "))["type"] == "error"
    assert rest[-1] == "data: [DONE]"


def test_regenerate_without_any_message_takes_the_last_reply(alice: Person, fake: FakeProvider) -> None:
    alice.post("/api/chat", body("hello"))

    answer = alice.post("/api/chat", {"id": CHAT, "trigger": "regenerate-message"})

    assert answer.status_code == 200
    assert len(fake.requests("openai")) == 2
    assert len(alice.get(f"/api/chat/{CHAT}/messages").json()) == 2
    assert alice.post("/api/chat", {"id": "new", "trigger": "regenerate-message"}).status_code == 404


def test_slash_commands_work(alice: Person, fake: FakeProvider) -> None:
    alice.post("/api/chat", body("/gemini x", "m1"))
    saved = chunks_of(alice.post("/api/chat", body("/save", "m2")).text)

    assert [request["vendor"] for request in fake.requests()] == ["gemini"]
    assert "".join(chunk.get("delta", "") for chunk in saved).startswith("Saved to your notes: ")
    assert (saved[-1]["type"], saved[-1]["finishReason"]) == ("finish", "stop")
    assert [len(row["parts"]) for row in alice.get(f"/api/chat/{CHAT}/messages").json()] == [1, 2, 1, 2]
