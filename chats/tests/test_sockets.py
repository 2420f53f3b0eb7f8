"""`/ws/chats/`: one socket, many chats, the promises of REST."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from accounts.models import Session
from chats.tests.helpers import asked, eventually, fake
from chats.tests.test_settings import BAD
from chats.tests.tools import own_tools
from conftest import PASSWORD, Person
from llm.testing import FakeProvider

STEP = 10**9


class Socket:
    """A client of the socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def tell(self, kind: str, **values: Any) -> None:
        self.connection.send(json.dumps({"type": kind, **values}))

    def next(self) -> dict[str, Any]:
        return dict(json.loads(self.connection.recv(timeout=20)))

    def until(self, kind: str, **values: Any) -> list[dict[str, Any]]:
        """Return the frames up to one of a type (and values)."""
        frames = []
        while True:
            frames.append(self.next())
            assert kind == "error" or frames[-1]["type"] != "error", frames[-1]
            if frames[-1]["type"] == kind and all(frames[-1].get(name) == value for name, value in values.items()):
                return frames

    def closed(self) -> int:
        """Read until the server closes; return its code."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(timeout=40)
        return int(self.connection.close_code or 0)


Open = Callable[..., Socket]


@pytest.fixture
def open_socket(live: str) -> Iterator[Open]:
    """Return a maker of sockets; signed in by a first frame where a person is given."""
    stack = ExitStack()

    def make(person: Person | None = None, query: str = "", **kwargs: Any) -> Socket:
        url = f"{live.replace('http', 'ws')}/ws/chats/{query}"
        socket = Socket(stack.enter_context(connect(url, max_size=2**26, **kwargs)))
        if person:
            socket.tell("auth", token=person.token)
            assert socket.next()["type"] == "ready"
        return socket

    with stack:
        yield make


def shown(frames: list[dict[str, Any]]) -> str:
    text = ""
    for frame in frames:
        if frame["type"] == "delta":
            text = text[: frame["at"]] + frame["text"]
    return text


def test_a_message_is_accepted_streamed_and_ended(open_socket: Open, alice: Person) -> None:
    chat = alice.chat()
    socket = open_socket(alice)

    socket.tell("send", chat=chat, content=fake(size=2000, chunk=50), key="k1")
    frames = socket.until("end")

    stored = alice.messages(chat)
    assert [frame["type"] for frame in frames[:2]] == ["accepted", "start"]
    assert frames[0]["key"] == "k1"
    assert (frames[0]["question"], frames[0]["reply"]) == (stored[0]["id"], stored[1]["id"])
    assert {frame["chat"] for frame in frames} == {chat}
    assert {frame["reply"] for frame in frames} == {stored[1]["id"]}
    assert shown(frames) == stored[1]["content"]
    assert frames[-1]["message"] == {**stored[1], "siblings": frames[-1]["message"]["siblings"]}
    numbers = [frame["seq"] for frame in frames if frame["seq"]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == STEP + STEP - 1


def test_a_ticket_lets_in_once(open_socket: Open, alice: Person) -> None:
    ticket = alice.post("/api/ws-ticket/").json()["ticket"]

    assert open_socket(query=f"?ticket={ticket}").next()["type"] == "ready"
    again = open_socket(query=f"?ticket={ticket}")

    assert again.next()["type"] == "error"
    assert again.closed() == 4401


def test_a_browsers_session_lets_in_from_the_same_origin_only(open_socket: Open, alice: Person, live: str) -> None:
    token = httpx.get(f"{live}/accounts/sign-in/").cookies["csrftoken"]
    form = {"email": alice.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    signed_in = httpx.post(f"{live}/accounts/sign-in/", data=form, headers={"Cookie": f"csrftoken={token}"})
    session = signed_in.cookies["sessionid"]
    headers = {"Cookie": f"sessionid={session}"}

    assert open_socket(additional_headers=headers, origin=live).next()["type"] == "ready"
    other = open_socket(additional_headers=headers, origin="http://localhost:5173")
    other.tell("stop", chat=str(uuid.uuid4()))

    assert other.next()["code"] == "not_signed_in"
    assert other.closed() == 4401


def test_foreign_origins_are_refused_at_the_handshake(open_socket: Open) -> None:
    for origin in ("https://evil.example", "null"):
        with pytest.raises(InvalidStatus) as caught:
            open_socket(origin=origin)
        assert caught.value.response.status_code == 403


def test_a_socket_that_does_not_sign_in_is_closed(open_socket: Open, settings: Any) -> None:
    settings.SOCKET_AUTH_SECONDS = 0.3

    assert open_socket().closed() == 4401


@pytest.mark.parametrize("token", ["nonsense", "", None, 7, "a.b.c"])
def test_a_bad_token_closes(token: Any, open_socket: Open, settings: Any) -> None:
    settings.SOCKET_AUTH_SECONDS = 1
    socket = open_socket()

    socket.tell("auth", token=token)

    assert socket.next()["type"] == "error"
    assert socket.closed() == 4401


def test_an_api_key_and_a_ticket_are_no_access_tokens(open_socket: Open, alice: Person) -> None:
    key = alice.post("/api/keys/", {"name": "k"}).json()["key"]
    ticket = alice.post("/api/ws-ticket/").json()["ticket"]
    for secret in (key, ticket):
        socket = open_socket()
        socket.tell("auth", token=secret)
        assert socket.closed() == 4401


def test_several_chats_run_over_one_socket(open_socket: Open, alice: Person) -> None:
    chats = [alice.chat() for _ in range(5)]
    socket = open_socket(alice)

    for number, chat in enumerate(chats):
        socket.tell(
            "send", chat=chat, content=fake(text=f"reply {number} " * 20, chunk=10, delay=0.01), key=f"k{number}"
        )
    frames: list[dict[str, Any]] = []
    while sum(frame["type"] == "end" for frame in frames) < 5:
        frames.append(socket.next())

    for number, chat in enumerate(chats):
        assert shown([frame for frame in frames if frame["chat"] == chat]) == f"reply {number} " * 20


def test_a_key_is_the_same_over_every_door(open_socket: Open, alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    socket = open_socket(alice)
    socket.tell("send", chat=chat, content="once", key="same")
    first = socket.until("end")

    socket.tell("send", chat=chat, content="once", key="same")
    again = socket.until("end")
    over_rest = alice.post(
        f"/api/chats/{chat}/messages/", {"content": "once"}, headers={"Idempotency-Key": "same"}
    ).json()
    socket.tell("send", chat=chat, content="other", key="same")
    refused = socket.until("error")[-1]

    assert again[0]["reply"] == first[0]["reply"] == over_rest["reply"]["id"]
    assert shown(again) == shown(first)
    assert (refused["code"], refused["key"]) == ("idempotency_key_reused", "same")
    assert len(fake.requests("openai")) == 1


def test_a_dropped_socket_goes_on_from_its_cursor(open_socket: Open, alice: Person) -> None:
    chat = alice.chat()
    socket = open_socket(alice)
    socket.tell("send", chat=chat, content=fake(size=400, chunk=8, delay=0.02), key="k")
    seen = socket.until("delta") + socket.until("delta") + socket.until("delta")
    socket.connection.close()

    again = open_socket(alice)
    again.tell("follow", chat=chat, after=seen[-1]["seq"])
    rest = again.until("end")

    assert shown(seen + rest) == alice.messages(chat)[-1]["content"]
    assert all(frame["seq"] > seen[-1]["seq"] for frame in rest if frame["seq"])
    again.tell("follow", chat=chat, after=rest[-1]["seq"])
    assert again.next()["code"] == "nothing_to_follow"
    again.tell("follow", chat=chat, reply=rest[-1]["reply"])
    assert shown(again.until("end")) == alice.messages(chat)[-1]["content"]


def test_stop_reaches_every_reader(open_socket: Open, alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    one, two = open_socket(alice), open_socket(alice)
    one.tell("send", chat=chat, content='!fake {"size": 5000, "chunk": 5, "delay": 0.02}', key="k")
    one.until("delta")
    two.tell("follow", chat=chat)
    two.until("delta")

    two.tell("stop", chat=chat)

    for socket in (one, two):
        assert socket.until("end")[-1]["message"]["state"] == "stopped"
    eventually(lambda: not fake.open)
    assert 0 < len(alice.messages(chat)[-1]["content"]) < 5000


def test_regenerate_makes_a_sibling(open_socket: Open, alice: Person) -> None:
    chat = alice.chat()
    first = alice.say(chat, "hello").json()["reply"]["id"]
    socket = open_socket(alice)

    socket.tell("regenerate", chat=chat, message=first, key="again")
    end = socket.until("end")[-1]

    assert end["reply"] != first
    assert len(alice.messages(chat)) == 2


def test_a_frame_may_say_what_its_turn_goes_by(open_socket: Open, alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(settings={"system": "Be a pirate.", "temperature": 0.5})
    socket = open_socket(alice)
    socket.tell("send", chat=chat, content="x", key="k1", settings={"system": "Be a poet.", "temperature": None})
    first = socket.until("end")[-1]["reply"]
    socket.tell("regenerate", chat=chat, message=first, key="k2", settings={"top_p": 0.5})
    socket.until("end")
    socket.tell("regenerate", chat=chat, message=first, key="k3", settings=None)
    socket.until("end")
    socket.tell("send", chat=chat, content="x", key="k1", settings={"system": "Be a poet."})

    assert socket.next()["code"] == "idempotency_key_reused"
    said = [(asked(each)[0], each["body"].get("temperature"), each["body"].get("top_p")) for each in fake.requests()]
    assert said == [("Be a poet.", None, None), ("Be a pirate.", 0.5, 0.5), ("Be a pirate.", 0.5, None)]


@pytest.mark.parametrize("kind", ["send", "regenerate"])
def test_bad_settings_of_a_frame_are_named(kind: str, open_socket: Open, alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    socket = open_socket(alice)
    values = {"content": "x"} if kind == "send" else {"message": alice.say(chat, "x").json()["reply"]["id"]}
    fake.clear()

    for name, values_of in BAD.items():
        for value in values_of:
            socket.tell(kind, chat=chat, **values, settings=value if name == "settings" else {name: value})
            error = socket.next()
            assert (error["code"], list(error["errors"])) == ("invalid", [name]), value
    socket.tell(kind, chat=chat, **values, settings={"max_context": 5})
    assert list(socket.next()["errors"]) == ["max_context"]
    assert fake.requests() == []


def test_foreign_chats_do_not_exist(open_socket: Open, alice: Person, bob: Person, fake: FakeProvider) -> None:
    chat = bob.chat()
    reply = bob.say(chat, "private").json()["reply"]["id"]
    fake.clear()
    socket = open_socket(alice)

    for frame in (
        {"type": "send", "content": "x", "key": "k"},
        {"type": "follow"},
        {"type": "follow", "reply": reply},
        {"type": "follow", "after": 0},
        {"type": "stop"},
        {"type": "regenerate", "message": reply, "key": "k2"},
    ):
        socket.tell(chat=chat, kind=frame.pop("type"), **frame)
        assert socket.next()["code"] == "not_found"
    assert fake.requests() == []
    assert len(bob.messages(chat)) == 2


def test_a_second_message_of_a_running_chat_is_refused(open_socket: Open, alice: Person) -> None:
    chat = alice.chat()
    socket = open_socket(alice)
    socket.tell("send", chat=chat, content=fake(size=400, chunk=8, delay=0.02), key="k1")
    socket.tell("send", chat=chat, content="too soon", key="k2")

    error = socket.until("error")[-1]

    assert (error["code"], error["key"], error["chat"]) == ("turn_running", "k2", chat)
    socket.tell("stop", chat=chat)
    socket.until("end")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[]", "invalid"),
        ("7", "invalid"),
        ("{}", "invalid"),
        ('{"type": "explode"}', "invalid"),
        ('{"type": ["send"]}', "invalid"),
        ('{"type": "send"}', "invalid"),
        ('{"type": "send", "chat": "x", "content": "y"}', "invalid"),
        ('{"type": "stop", "chat": 7}', "invalid"),
        ('{"type": "auth", "token": "x"}', "invalid"),
        ('{"type": "send", "chat": "CHAT", "content": " "}', "invalid"),
        ('{"type": "send", "chat": "CHAT", "content": "a\\u0000"}', "invalid"),
        ('{"type": "send", "chat": "CHAT", "content": "\\ud800"}', "invalid"),
        ('{"type": "send", "chat": "CHAT", "content": "a", "key": 7}', "invalid"),
        ('{"type": "send", "chat": "CHAT", "content": "a", "model": "no/such"}', "unknown_model"),
        ('{"type": "send", "chat": "CHAT", "content": "a", "temporary": true}', "invalid"),
        ('{"type": "follow", "chat": "CHAT", "after": "x"}', "invalid"),
        ('{"type": "follow", "chat": "CHAT", "after": 1e99}', "invalid"),
        ("[" * 5000 + "]" * 5000, "not_json"),
    ],
)
def test_a_bad_frame_is_answered_and_the_socket_stays(raw: str, code: str, open_socket: Open, alice: Person) -> None:
    chat = alice.chat()
    socket = open_socket(alice)

    socket.connection.send(raw.replace("CHAT", chat))

    assert socket.next()["code"] == code
    socket.tell("send", chat=chat, content="still here", key="k")
    socket.until("end")


def test_a_binary_frame_is_answered(open_socket: Open, alice: Person) -> None:
    socket = open_socket(alice)

    socket.connection.send(b"\x00\xff")

    assert socket.next()["code"] == "invalid"


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_frame_that_is_too_large_closes(signed_in: bool, open_socket: Open, alice: Person) -> None:
    socket = open_socket(alice if signed_in else None)

    socket.tell("auth", token="x" * 2**20)

    assert socket.closed() == 1009


def test_the_end_of_a_session_closes_its_sockets(open_socket: Open, alice: Person) -> None:
    socket = open_socket(alice)

    assert alice.post("/api/logout-all/").status_code == 204

    socket.tell("follow", chat=str(uuid.uuid4()))
    assert socket.next()["code"] == "session_ended"
    assert socket.closed() == 4401


def test_an_unconfirmed_account_starts_no_turn(open_socket: Open, alice: Person, settings: Any) -> None:
    chat = alice.chat()
    settings.REQUIRE_CONFIRMED_EMAIL = True
    socket = open_socket(alice)

    socket.tell("send", chat=chat, content="x", key="k")

    assert socket.next()["code"] == "email_not_confirmed"
    assert Session.objects.filter(user=alice.id).exists()


def test_a_reply_that_waits_is_decided_on_over_the_socket(open_socket: Open, alice: Person, settings: Any) -> None:
    settings.DEFAULT_TOOLS = ("all",)
    call = {"name": "send_mail", "arguments": {"to": "bob@example.org"}}
    chat, steps = alice.chat(), [{"text": "I write. ", "calls": [call]}, {"text": "Sent."}]
    with own_tools() as called:
        one, two = open_socket(alice), open_socket(alice)
        one.tell("send", chat=chat, content=fake(steps=steps), key="k")
        asked = one.until("waiting")[-1]
        assert [each["name"] for each in asked["calls"]] == ["send_mail"]
        two.tell("follow", chat=chat)
        assert two.until("waiting")[-1]["calls"] == asked["calls"]
        assert called == []

        verdict = [{"call": asked["calls"][0]["id"], "approved": True}]
        two.tell("approve", chat=chat, message=asked["reply"], approvals=verdict)

        assert {frame["type"] for frame in two.until("end")} >= {"decided", "delta", "end"}
        ends = [one.until("end")[-1]["message"], alice.messages(chat)[-1]]
        assert ends[0] == ends[1]
        assert ends[0]["content"] == "I write. Sent."
        assert called == [("send_mail", "bob@example.org")]
        one.tell("approve", chat=chat, message=asked["reply"], approvals=[{"call": "x", "approved": True}])
        assert one.until("error")[-1]["code"] == "not_found"
        one.tell("approve", chat=chat, message=asked["reply"], approvals="all")
        assert one.until("error")[-1]["code"] == "invalid"
