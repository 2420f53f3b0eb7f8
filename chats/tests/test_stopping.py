"""Only stop stops: the provider's connection closes, the text stays, everybody learns it."""

from chats.tests.helpers import at_once, begin, ended, eventually, fold, followed, is_refusal, streaming
from conftest import Person
from llm.testing import FakeProvider


def stop(person: Person, chat: str) -> dict:
    answer = person.post(f"/api/chats/{chat}/stop/")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_stopping_keeps_the_text_and_closes_the_provider_s_connection(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some ", "never"], stall_after=1)
    with streaming(alice, chat, "x") as events:
        seen = [next(events), next(events)]

        stopped = stop(alice, chat)

        seen += list(events)
    assert (stopped["state"], stopped["reason"], stopped["content"]) == ("stopped", "stopped", "Some ")
    assert seen[-1].data["message"] == stopped == alice.messages(chat)[-1]
    assert fold(seen) == "Some "
    assert eventually(lambda: fake.requests()[0]["aborted"])


def test_every_reader_learns_it(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(size=2000, chunk=10, delay=0.02)
    reply = begin(alice, chat, "x")["id"]

    def stop_soon() -> list:
        eventually(lambda: alice.messages(chat)[-1]["content"])
        stop(alice, chat)
        return []

    first, second, _ = at_once([lambda: followed(alice, chat, reply=reply)] * 2 + [stop_soon])

    stored = alice.messages(chat)[-1]
    assert 0 < len(stored["content"]) < 2000
    for events in (first, second):
        assert fold(events) == stored["content"]
        assert [event.data["message"]["state"] for event in events if event.name == "end"] == ["stopped"]


def test_stopping_again_or_too_late_changes_nothing(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some ", "never"], stall_after=1)
    begin(alice, chat, "x")
    first = stop(alice, chat)
    assert stop(alice, chat) == first

    done = alice.say(chat, "y").json()["reply"]
    assert stop(alice, chat) == done
    assert done["state"] == "complete"


def test_many_stops_at_once_are_one(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some ", "never"], stall_after=1)
    begin(alice, chat, "x")

    answers = at_once([lambda: stop(alice, chat) for _ in range(6)])

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["state"] == "stopped"


def test_a_reply_stopped_before_any_text_is_empty_and_the_chat_goes_on(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(stall_after=0)
    begin(alice, chat, "x")

    assert stop(alice, chat)["content"] == ""
    assert alice.say(chat, "y").status_code == 201


def test_a_client_that_waits_gets_the_stopped_reply(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some ", "never"], stall_after=1)

    def stop_soon():
        eventually(lambda: alice.messages(chat) and alice.messages(chat)[-1]["content"])
        return alice.post(f"/api/chats/{chat}/stop/")

    waiting, _ = at_once([lambda: alice.say(chat, "x"), stop_soon])

    assert waiting.status_code == 201
    assert waiting.json()["reply"]["state"] == "stopped"


def test_there_is_nothing_to_stop_in_an_empty_chat(alice: Person) -> None:
    assert is_refusal(alice.post(f"/api/chats/{alice.chat()}/stop/"), 404)


def test_a_reader_that_leaves_stops_nothing(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(size=300, chunk=10, delay=0.02)
    with streaming(alice, chat, "x") as events:
        next(events)

    assert ended(alice, chat)["state"] == "complete"
    assert len(alice.messages(chat)[-1]["content"]) == 300


def test_a_second_prompt_waits_its_turn(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(stall_after=0)
    running = begin(alice, chat, "x")

    for path, body in [
        (f"/api/chats/{chat}/messages/", {"content": "y"}),
        ("/prompt_gpt/", {"chat_id": chat, "content": "y"}),
        (f"/api/chats/{chat}/messages/{running['id']}/regenerate/", {}),
        (f"/api/chats/{chat}/messages/{running['parent']}/edit/", {"content": "y"}),
    ]:
        refused = alice.post(path, body)
        assert is_refusal(refused, 409)
        assert (refused.json()["code"], refused.json()["reply"]) == ("turn_running", running["id"])
    stop(alice, chat)
    assert [row["content"] for row in alice.messages(chat)] == ["x", ""]


def test_of_prompts_at_once_in_one_chat_one_is_taken(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(stall_after=0, repeat=8)

    statuses = [
        answer.status_code
        for answer in at_once(
            [lambda: alice.post(f"/api/chats/{chat}/messages/?wait=false", {"content": "x"}) for _ in range(8)]
        )
    ]

    assert sorted(statuses) == [202] + [409] * 7
    stop(alice, chat)
    assert len(fake.requests()) <= 1
    assert len(alice.messages(chat)) == 2
