"""Who owns a channel's chat, who may stop the bot, and tokens for one's own id only."""

import time
from functools import partial
from typing import Any

import jwt

from accounts.models import User
from chats.models import Message
from chats.tests.helpers import asked, at_once, eventually, is_refusal
from conftest import Person
from llm.testing import FakeProvider
from streamchat.models import Channel, Service
from streamchat.tests.conftest import Friends, scripted
from usage.models import Counter


def on_stream(person: Person) -> str:
    return f"parley-{person.id}"


def test_the_chat_belongs_to_the_parley_user_who_asked_first(friends: Friends, alice: Person) -> None:
    friends.ask("hello", user=on_stream(alice))
    friends.ask("me too", user="somebody-else")

    (chat,) = alice.get("/api/chats/").json()["results"]
    texts = [message["content"] for message in alice.messages(chat["id"]) if message["role"] == "user"]
    assert texts == ["hello", "me too"]
    assert Counter.objects.of_user(alice.id).get().messages == 2


def test_other_chats_belong_to_one_service_user(friends: Friends, circle: Any) -> None:
    friends.ask("hello")
    circle().ask("hello")

    service = Service.objects.get()
    owners = set(Channel.objects.filter(cid=friends.cid).values_list("owner_id", flat=True))
    assert owners == {service.user_id}
    assert not service.user.has_usable_password()
    assert Service.objects.count() == 1


def test_there_is_one_service_user_however_many_ask_first(circle: Any) -> None:
    Service.objects.all().delete()
    channels = [circle() for _ in range(5)]
    at_once([partial(each.say, "hello") for each in channels])

    owners = Channel.objects.filter(cid__in=[each.cid for each in channels]).values_list("owner_id", flat=True)
    assert len(owners) == 5
    assert set(owners) == {Service.objects.get().user_id}


def test_what_the_owner_says_at_home_is_not_told_in_the_channel(
    friends: Friends, alice: Person, fake: FakeProvider
) -> None:
    friends.ask("hello", user=on_stream(alice))
    (chat,) = alice.get("/api/chats/").json()["results"]
    assert alice.say(chat["id"], "my secret").status_code == 201
    friends.ask("what did she say?", user="bob")

    assert [text for role, text in asked(fake.requests("openai")[-1])[1] if role == "user"] == [
        "hello",
        "what did she say?",
    ]


def test_a_chat_that_was_deleted_begins_anew(friends: Friends, alice: Person, fake: FakeProvider) -> None:
    friends.ask("hello", user=on_stream(alice))
    (chat,) = alice.get("/api/chats/").json()["results"]
    assert alice.http.delete(f"/api/chats/{chat['id']}/").status_code == 204
    first = friends.ask("again", user=on_stream(alice))["text"]
    told = fake.requests("openai")[-1]
    then = friends.ask("and again", user=on_stream(alice))["text"]

    assert "begins anew" in first
    assert "anew" not in then
    assert [text for _, text in asked(told)[1]] == ["again"]


def test_a_chat_deleted_under_way_is_withdrawn(friends: Friends, alice: Person) -> None:
    friends.say(scripted(size=2000, chunk=5, delay=0.05), user=on_stream(alice))
    eventually(lambda: friends.stream.calls("grow"))
    (chat,) = alice.get("/api/chats/").json()["results"]
    alice.http.delete(f"/api/chats/{chat['id']}/")

    assert friends.finished()[0]["text"] == "The reply was withdrawn."


def test_the_quota_of_the_owner_applies(friends: Friends, alice: Person, settings: Any, fake: FakeProvider) -> None:
    settings.DAILY_MESSAGES = 1
    friends.ask("hello", user=on_stream(alice))
    answer = friends.say("again", user=on_stream(alice))

    assert answer["message"]["type"] == "error"
    assert len(fake.requests("openai")) == 1


def test_an_account_that_is_closed_cannot_ask(friends: Friends, alice: Person, fake: FakeProvider) -> None:
    User.objects.filter(pk=alice.id).update(is_active=False)
    answer = friends.say("hello", user=on_stream(alice))

    assert answer["message"] == {"type": "error", "text": "This account cannot use the bot."}
    assert fake.requests("openai") == []


def test_an_unconfirmed_account_cannot_ask(friends: Friends, alice: Person, settings: Any, fake: FakeProvider) -> None:
    settings.REQUIRE_CONFIRMED_EMAIL = True
    answer = friends.say("hello", user=on_stream(alice))

    assert answer["message"]["type"] == "error"
    assert fake.requests("openai") == []


def test_a_closed_account_hands_its_channel_on(friends: Friends, alice: Person, bob: Person) -> None:
    friends.ask("hello", user=on_stream(alice))
    User.objects.filter(pk=alice.id).update(is_active=False)
    friends.ask("hello again", user=on_stream(bob))

    assert [chat["title"] for chat in bob.get("/api/chats/").json()["results"]] == ["hello again"]


def stopping(person: Person, friends: Friends, **body: Any) -> Any:
    return person.post(f"/api/stream/channels/{friends.cid}/stop/", body)


def test_who_asked_stops_the_bot(friends: Friends, alice: Person, bob: Person, fake: FakeProvider) -> None:
    friends.ask("hello", user="somebody")
    friends.say(scripted(size=5000, chunk=5, delay=0.05), user=on_stream(alice))
    eventually(lambda: friends.stream.calls("grow"))
    assert is_refusal(stopping(bob, friends), 404)
    answer = stopping(alice, friends)

    assert answer.status_code == 200
    assert answer.json()["state"] == "stopped"
    message = friends.finished(2)[1]
    assert message["id"] == answer.json()["message_id"]
    assert message["text"].endswith("*Stopped.*")
    assert eventually(lambda: fake.requests("openai")[-1]["aborted"])
    assert stopping(alice, friends).json()["state"] == "stopped"


def test_the_owner_stops_it_at_home(friends: Friends, alice: Person) -> None:
    friends.say(scripted(size=5000, chunk=5, delay=0.05), user=on_stream(alice))
    eventually(lambda: friends.stream.calls("grow"))
    (chat,) = alice.get("/api/chats/").json()["results"]
    alice.post(f"/api/chats/{chat['id']}/stop/")

    assert friends.finished()[0]["text"].endswith("*Stopped.*")


def test_stopping_in_a_thread_leaves_the_channel_alone(friends: Friends, alice: Person) -> None:
    friends.say(scripted(text="In the channel.", first_delay=2), user=on_stream(alice))
    friends.say(scripted(size=5000, chunk=5, delay=0.05), user=on_stream(alice), values={"parent_id": "thread"})
    eventually(lambda: friends.stream.calls("grow"))
    assert stopping(alice, friends, parent_id="thread").json()["state"] == "stopped"

    texts = {message["parent_id"]: message["text"] for message in friends.finished(2)}
    assert texts[None] == "In the channel."
    assert texts["thread"].endswith("*Stopped.*")


def test_who_asked_cannot_stop_what_the_owner_does_at_home(friends: Friends, alice: Person, bob: Person) -> None:
    friends.ask("hello", user=on_stream(alice))
    friends.ask("hello", user=on_stream(bob))
    (chat,) = alice.get("/api/chats/").json()["results"]
    slow = {"content": scripted(text="Done.", first_delay=1)}
    assert alice.post(f"/api/chats/{chat['id']}/messages/?wait=false", slow).status_code == 202

    assert stopping(bob, friends).json()["state"] == "complete"
    assert eventually(lambda: Message.objects.filter(chat_id=chat["id"], content="Done.").first())


def test_nobody_stops_without_signing_in(friends: Friends, alice: Person) -> None:
    assert is_refusal(friends.http.post(f"/api/stream/channels/{friends.cid}/stop/"), 401)
    assert is_refusal(alice.post("/api/stream/channels/messaging:unknown/stop"), 404)
    assert is_refusal(stopping(alice, friends, parent_id=7), 400)
    assert is_refusal(alice.post("/api/stream/channels/no-colon/stop/"), 404)


def test_a_token_is_for_ones_own_id(friends: Friends, alice: Person) -> None:
    answer = alice.post("/api/stream/token/")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["api_key"] == friends.stream.key
    assert answer.json()["user_id"] == on_stream(alice)
    claims = jwt.decode(answer.json()["token"], friends.stream.secret, ["HS256"])
    assert claims["user_id"] == on_stream(alice)
    assert claims["exp"] > time.time()
    assert "server" not in claims


def test_a_token_is_for_who_is_signed_in_where_stream_is_set_up(friends: Friends, alice: Person, settings: Any) -> None:
    assert is_refusal(friends.http.post("/api/stream/token/"), 401)
    settings.REQUIRE_CONFIRMED_EMAIL = True
    assert is_refusal(alice.post("/api/stream/token/"), 403)
    settings.STREAM_API_KEY = ""
    assert is_refusal(alice.post("/api/stream/token/"), 404)


def test_signing_out_everywhere_revokes_the_tokens(friends: Friends, alice: Person) -> None:
    assert alice.post("/api/logout-all/").status_code == 204

    change = eventually(lambda: friends.stream.calls("users_partial"))[0].body["users"][0]
    assert change["id"] == on_stream(alice)
    assert "revoke_tokens_issued_before" in change["set"]
