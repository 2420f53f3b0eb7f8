"""The whole path: sign up, prompt, stream, find it again."""

import json
import time
import uuid

from conftest import Person
from llm.testing import FakeProvider


def events_of(lines: list[str]) -> list[tuple[str, dict]]:
    """Cut plain SSE lines into (event, data)."""
    found, name = [], ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            found.append((name, json.loads(line[6:])))
    return found


def test_a_prompt_makes_the_chat_and_both_vendors_see_each_others_turns(alice: Person, fake: FakeProvider) -> None:
    chat = str(uuid.uuid4())

    first = alice.post("/prompt_gpt/", {"chat_id": chat, "content": "What is a monad?"})
    second = alice.post("/prompt_gemini/", {"chat_id": chat, "content": "And a functor?"})

    assert (first.status_code, second.status_code) == (201, 201)
    messages = alice.get(f"/get_chat_messages/{chat}/").json()
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "What is a monad?"),
        ("assistant", first.json()["reply"]),
        ("user", "And a functor?"),
        ("assistant", second.json()["reply"]),
    ]
    assert set(messages[0]) == {"id", "role", "content", "created_at"}
    asked = fake.requests("gemini")[-1]["body"]
    assert [c["role"] for c in asked["contents"]] == ["user", "model", "user"]
    assert asked["contents"][1]["parts"][0]["text"] == first.json()["reply"]
    today = alice.get("/todays_chat/").json()
    assert today[0]["id"] == chat
    assert today[0]["title"] == "What is a monad"


def test_a_stream_is_the_stored_reply_character_for_character(alice: Person) -> None:
    chat = alice.chat()
    script = '!fake {"size": 5000, "chunk": 7}'

    with alice.http.stream(
        "POST", f"/api/chats/{chat}/messages/", json={"content": script}, headers={"Accept": "text/event-stream"}
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(list(answer.iter_lines()))

    assert events[0][0] == "start"
    assert events[-1][0] == "end"
    text = ""
    for name, data in events[1:-1]:
        assert name == "delta"
        text = text[: data["at"]] + data["text"]
    reply = alice.messages(chat)[-1]
    assert reply["content"] == text
    assert len(text) == 5000
    assert events[-1][1]["at"] == 5000
    assert reply["state"] == "complete"


def test_leaving_after_the_first_delta_loses_nothing(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    script = '!fake {"size": 400, "chunk": 10, "delay": 0.02}'

    with alice.http.stream(
        "POST", f"/api/chats/{chat}/messages/", json={"content": script}, headers={"Accept": "text/event-stream"}
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: delta"):
                break

    deadline = time.monotonic() + 10
    while (reply := alice.messages(chat)[-1])["state"] == "streaming" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert reply["state"] == "complete"
    assert len(reply["content"]) == 400
    assert len(fake.requests()) == 1
