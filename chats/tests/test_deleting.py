"""Deleting a chat ends what runs in it, and nothing of it comes back."""

import uuid

from django.apps import apps

from chats.models import Chat, Chunk, Message, Turn
from chats.services.chats import TABLES
from chats.tests.helpers import at_once, begin, eventually, is_refusal, streaming
from conftest import Person
from llm.testing import FakeProvider


def rows(chat: str) -> int:
    return (
        Chat.objects.filter(pk=chat).count()
        + Message.objects.filter(chat_id=chat).count()
        + Turn.objects.filter(chat_id=chat).count()
        + Chunk.objects.filter(message__chat_id=chat).count()
    )


def delete(person: Person, chat: str) -> int:
    return person.http.delete(f"/api/chats/{chat}/").status_code


def test_a_deleted_chat_is_gone_with_all_that_was_in_it(alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "x")
    reply = alice.messages(chat)[-1]["id"]
    alice.post(f"/api/chats/{chat}/messages/{reply}/regenerate/")

    assert delete(alice, chat) == 204

    assert rows(chat) == 0
    assert delete(alice, chat) == 404
    assert is_refusal(alice.get(f"/api/chats/{chat}/messages/"), 404)


def test_deleting_during_a_reply_ends_it_for_good(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(size=9000, chunk=5, delay=0.02)
    with streaming(alice, chat, "x") as events:
        while next(events).name != "delta":
            pass
        eventually(lambda: Chunk.objects.filter(message__chat_id=chat).exists())

        assert delete(alice, chat) == 204

        assert "end" not in {event.name for event in events}
    assert eventually(lambda: fake.requests()[0]["aborted"])
    assert rows(chat) == 0
    assert Chunk.objects.filter(message__chat_id=None).count() == 0


def test_whoever_waits_for_a_deleted_reply_is_told(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(stall_after=0)

    def delete_soon():
        eventually(lambda: fake.requests())
        return alice.http.delete(f"/api/chats/{chat}/")

    waiting, deleted = at_once([lambda: alice.say(chat, "x"), delete_soon])

    assert deleted.status_code == 204
    assert is_refusal(waiting, 404)


def test_the_id_of_a_deleted_chat_may_be_used_again(alice: Person, fake: FakeProvider) -> None:
    chat = str(uuid.uuid4())
    alice.post("/prompt_gpt/", {"chat_id": chat, "content": "old"})
    delete(alice, chat)

    alice.post("/prompt_gpt/", {"chat_id": chat, "content": "new"})

    assert next(row["content"] for row in alice.messages(chat)) == "new"
    assert len(fake.requests()[-1]["body"]["messages"]) == 2


def test_deleting_while_writing_in_parallel_leaves_nothing_behind(alice: Person) -> None:
    for _ in range(5):
        chat = alice.chat()
        calls = [lambda chat=chat: alice.say(chat, "x"), lambda chat=chat: alice.http.delete(f"/api/chats/{chat}/")]

        said, deleted = at_once(calls)

        assert deleted.status_code == 204
        assert said.status_code in (201, 404)
        assert eventually(lambda chat=chat: rows(chat) == 0)


def test_other_chats_stay(alice: Person, fake: FakeProvider) -> None:
    kept, chat = alice.chat(), alice.chat()
    fake.script(size=200, chunk=5, delay=0.01)
    begin(alice, kept, "kept")
    alice.say(chat, "x")

    delete(alice, chat)

    assert eventually(lambda: alice.messages(kept)[-1]["state"] == "complete")
    assert len(alice.messages(kept)[-1]["content"]) == 200


# Tables of other apps with a key into a chat, which their own receivers of `chats_deleting` empty.
EMPTIED_BY_RECEIVERS = {"search_document"}


def test_no_table_with_a_key_into_a_chat_is_forgotten() -> None:
    inside = {Chat, Message, Turn}
    holding = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model in inside and model is not Chat
    }

    assert (
        holding
        == {table for table, _ in TABLES if table != "chats_chat"}
        | {"chats_chunk", "chats_toolcall"}
        | EMPTIED_BY_RECEIVERS
    )
