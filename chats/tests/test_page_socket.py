"""The page's socket: who gets one, what comes over it, and that nothing but its end ends it."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from accounts.models import Session, User
from chats.models import Chat
from chats.tests.helpers import eventually, fake
from conftest import Person
from llm.testing import FakeProvider

DONE = 'data-busy="no"'
PROBE = "<img src=x onerror=alert(1)>"


class Page:
    """The socket of one open page."""

    def __init__(self, connection: ClientConnection, chat: str) -> None:
        self.connection, self.chat = connection, chat

    def send(self, **values: Any) -> None:
        self.connection.send(json.dumps({**values, "HEADERS": {"HX-Request": "true"}}))

    def next(self) -> str:
        while (frame := str(self.connection.recv(timeout=15))).startswith('<div id="pulse"'):
            pass
        return frame

    def until(self, *wanted: str) -> list[str]:
        """Return the frames that come until everything wanted has come."""
        frames = [self.next()]
        while not all(each in "".join(frames) for each in wanted):
            frames.append(self.next())
        return frames


@pytest.fixture
def sign_in() -> Callable[[Person], Client]:
    """Return a maker of browsers that are signed in to the pages."""

    def make(person: Person) -> Client:
        browser = Client()
        browser.force_login(User.objects.get(pk=person.id), "accounts.backends.EmailBackend")
        return browser

    return make


@pytest.fixture
def open_page(live: str, sign_in: Callable[[Person], Client]) -> Iterator[Callable[..., Page]]:
    """Return a maker of open pages."""
    opened = ExitStack()

    def make(person: Person | None, chat: str, query: str = "", origin: str = live, browser: Any = None) -> Page:
        headers = {"Origin": origin}
        if person or browser:
            cookie = (browser or sign_in(person)).cookies[django_settings.SESSION_COOKIE_NAME].value
            headers["Cookie"] = f"theme=dark; {django_settings.SESSION_COOKIE_NAME}={cookie}"
        address = f"{live.replace('http', 'ws')}/ws/chats/{chat}/page/{query}"
        return Page(opened.enter_context(connect(address, additional_headers=headers, proxy=None)), chat)

    with opened:
        yield make


def new_id() -> str:
    return str(uuid.uuid4())


def text_of(frames: list[str], part: str) -> list[str]:
    """Return what the frames put into a part of a reply, without tags."""
    found = [re.findall(rf'<div id="m-[0-9a-f-]+-{part}" [^>]*>(.*?)</div>', frame, re.DOTALL) for frame in frames]
    return [unescape(re.sub("<[^>]+>", "", each)) for some in found for each in some]


def refused(open_page: Callable[..., Page], *args: Any, **kwargs: Any) -> int:
    with pytest.raises(InvalidStatus) as error:
        open_page(*args, **kwargs)
    return int(error.value.response.status_code)


def test_strangers_other_origins_and_other_peoples_chats_are_refused_at_the_handshake(
    open_page: Callable[..., Page], alice: Person, bob: Person
) -> None:
    chat = alice.chat()

    assert refused(open_page, None, chat) == 403
    assert refused(open_page, alice, chat, origin="https://evil.example") == 403
    assert refused(open_page, alice, chat, origin="http://localhost:5173") == 403  # listed, but no page of ours
    assert refused(open_page, bob, chat) == 403
    assert open_page(alice, chat).next()


def test_a_session_that_has_ended_opens_nothing(
    open_page: Callable[..., Page], sign_in: Callable[[Person], Client], alice: Person
) -> None:
    browser = sign_in(alice)
    Session.objects.filter(user=alice.id, kind="page").end("test")

    assert refused(open_page, None, new_id(), browser=browser) == 403


def test_a_prompt_yields_question_empty_reply_text_and_end_in_order(
    open_page: Callable[..., Page], alice: Person, fake: FakeProvider
) -> None:
    chat = new_id()
    text = "An old silent pond. A frog jumps into the pond, splash! Silence again."
    fake.script(text=text, chunk=4, delay=0.05)
    page = open_page(alice, chat)
    page.next()

    page.send(message="write me a haiku", key="k1")

    frames = page.until(DONE)
    joined = "\n".join(frames)
    assert joined.index("write me a haiku") < joined.index('class="message reply"')
    assert 'data-key="k1"' in joined
    opens = [each for each in text_of(frames, "open") if each.strip()]
    assert len(opens) >= 2
    assert all(text.startswith(each.strip()) for each in opens)
    stored = alice.messages(chat)[-1]
    assert "".join(text_of(frames, "done")).strip() == text == stored["content"]
    assert stored["state"] == "complete"
    ids = re.findall(r'\bid="([^"]+)"', joined)
    assert all(each[0].isalpha() for each in ids)


def test_the_first_text_comes_before_the_provider_has_finished_and_two_pages_interleave(
    open_page: Callable[..., Page], alice: Person, bob: Person
) -> None:
    pages = [open_page(who, new_id()) for who in (alice, bob)]
    for page in pages:
        page.next()
        page.send(message=fake(text="one two three four five six", chunk=4, delay=0.3))

    for page in pages:
        frames = page.until('-open" hx-swap-oob="innerHTML"><p>')
        assert 'data-busy="no"' not in "".join(frames[1:])


@pytest.mark.parametrize("chunk", [1, 3])
def test_markup_of_users_and_models_is_inert_in_every_frame(
    open_page: Callable[..., Page], alice: Person, chunk: int
) -> None:
    page = open_page(alice, new_id())
    page.next()

    page.send(message=f"{PROBE}\n{fake(text=f'{PROBE} and {PROBE}', chunk=chunk, delay=0.01)}")

    for frame in page.until("Answer: ", DONE):
        assert "<img" not in frame


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("{not json", "not valid JSON"),
        ("[]", "could not be read"),
        ('"x"', "could not be read"),
        ("{}", "required"),
        (json.dumps({"message": "   "}), "Write something"),
        (json.dumps({"message": "x" * 262_145}), "at most"),
        (json.dumps({"message": "a\x00b"}), "NUL"),
        (json.dumps({"message": 7}), "valid string"),
        (json.dumps({"do": "explode"}), "cannot do that"),
        (json.dumps({"do": "regenerate", "id": "x"}), "UUID"),
        (json.dumps({"do": "regenerate", "id": new_id()}), "no such"),
        (json.dumps({"message": "x", "model": "no/such"}), "no such model"),
    ],
)
def test_what_cannot_be_done_is_a_notice_and_the_page_goes_on(
    open_page: Callable[..., Page], alice: Person, fake: FakeProvider, frame: str, words: str
) -> None:
    chat = alice.chat()
    page = open_page(alice, chat)
    page.next()

    page.connection.send(frame)

    assert words in page.until('role="alert"')[-1]
    assert fake.requests() == []
    page.send(message="And now?")
    page.until("And now?", DONE)
    assert [row["role"] for row in alice.messages(chat)] == ["user", "assistant"]


def test_a_frame_beyond_the_limit_ends_the_socket_only(open_page: Callable[..., Page], alice: Person) -> None:
    page = open_page(alice, alice.chat())
    page.next()

    page.connection.send("x" * (2**20 + 1))

    with pytest.raises(ConnectionClosed):
        page.until("never")
    assert page.connection.close_code == 1009


def test_a_provider_error_is_a_bubble_and_the_next_prompt_works(open_page: Callable[..., Page], alice: Person) -> None:
    page = open_page(alice, new_id())
    page.next()
    page.send(message=fake(status=400))
    assert "refused" in page.until('role="alert"')[-1]

    page.send(message="Once more")

    assert any("Once more" in frame for frame in page.until("fake</strong> reply"))


def test_the_same_key_makes_one_turn(open_page: Callable[..., Page], alice: Person, fake: FakeProvider) -> None:
    chat = new_id()
    page = open_page(alice, chat)
    page.next()

    for _ in range(2):
        page.send(message="Only once", key="same")
        page.until('data-key="same"')

    assert eventually(lambda: alice.messages(chat)[-1]["state"] == "complete")
    assert len(alice.messages(chat)) == 2
    assert len(fake.requests()) == 1


def test_a_page_that_comes_back_gets_what_it_missed(open_page: Callable[..., Page], alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "First")
    seen = alice.messages(chat)[-1]["id"]
    alice.say(chat, "Second")

    frame = open_page(alice, chat, f"?head={seen}&size=50&busy=no").next()

    assert "Second" in frame
    assert "First" not in frame  # it is on the page already
    assert 'hx-swap-oob="beforeend"' in frame
    half = open_page(alice, chat, f"?head={seen}&size=50&busy=yes").next()
    assert f'<div id="m-{seen}" hx-swap-oob="delete">' in half  # it had not ended when it was seen
    assert "First" in half
    whole = open_page(alice, chat).next()
    assert "First" in whole
    assert "Second" in whole


@pytest.mark.parametrize(
    "query", ["?head=x", "?size=x", "?head=&size=-1", "?head=" + new_id(), "?size=99999", "?%ff=%00"]
)
def test_nonsense_in_the_address_shows_the_whole(open_page: Callable[..., Page], alice: Person, query: str) -> None:
    chat = alice.chat()
    alice.say(chat, "First")

    assert "First" in open_page(alice, chat, query).next()


def test_what_the_browser_shows_already_is_not_painted_again(open_page: Callable[..., Page], alice: Person) -> None:
    chat = alice.chat()
    alice.say(chat, "First")
    seen = alice.messages(chat)[-1]["id"]
    page = open_page(alice, chat, f"?head={seen}&size=50&busy=no")

    alice.say(chat, "Second")

    frames = "".join(page.until("Second"))
    assert "First" not in frames
    assert 'hx-swap-oob="delete"' not in frames


def test_another_door_s_turn_is_shown(open_page: Callable[..., Page], alice: Person) -> None:
    chat = alice.chat()
    page = open_page(alice, chat)
    page.next()

    alice.say(chat, "Over REST")

    assert any("Over REST" in frame for frame in page.until("fake</strong> reply"))


def test_a_disconnect_in_the_middle_loses_nothing(open_page: Callable[..., Page], alice: Person) -> None:
    chat = new_id()
    page = open_page(alice, chat)
    page.next()
    page.send(message=fake(text="one two three four five six seven", chunk=4, delay=0.1))
    page.until('-open" hx-swap-oob="innerHTML"><p>')
    page.connection.close()

    later = open_page(alice, chat)

    frames = later.until(DONE)
    assert "seven" in "".join(frames)
    assert alice.messages(chat)[-1]["content"] == "one two three four five six seven"


@pytest.mark.parametrize("verb", ["send", "edit", "regenerate", "continue", "decide", "stop", "show"])
def test_a_turn_by_plain_post_in_somebody_else_s_chat_is_not_found(
    sign_in: Callable[[Person], Client], alice: Person, bob: Person, fake: FakeProvider, verb: str
) -> None:
    chat = alice.chat()
    alice.say(chat, "Mine")
    question, reply = (row["id"] for row in alice.messages(chat))
    form = {"message": "x", "id": question if verb == "edit" else reply, "step": "1", "call": "c", "verdict": "allow"}
    asked = len(fake.requests())

    assert sign_in(bob).post(f"/chats/{chat}/{verb}/", form).status_code == 404

    assert len(fake.requests()) == asked
    assert len(alice.messages(chat)) == 2


def test_a_plain_post_waits_for_the_whole_reply_and_refuses_with_a_page(
    sign_in: Callable[[Person], Client], alice: Person
) -> None:
    browser, chat = sign_in(alice), new_id()

    answer = browser.post(f"/chats/{chat}/send/", {"message": "Without script", "key": "k"})

    assert (answer.status_code, answer["Location"]) == (302, f"/chats/{chat}/")
    page = browser.get(f"/chats/{chat}/").content.decode()
    assert "<strong>fake</strong> reply" in page
    refusal = browser.post(f"/chats/{chat}/send/", {"message": " "})
    assert refusal.status_code == 400
    assert "Write something first." in refusal.content.decode()


def test_a_thumb_is_kept_once_and_goes_with_its_chat(
    sign_in: Callable[[Person], Client], alice: Person, bob: Person
) -> None:
    chat = alice.chat()
    alice.say(chat, "Hello")
    reply = alice.messages(chat)[-1]["id"]
    address = f"/chats/{chat}/messages/{reply}/thumb/"
    browser = sign_in(alice)

    for value in (1, -1):
        assert browser.post(address, {"value": value}).status_code == 302
    assert sign_in(bob).post(address, {"value": 1}).status_code == 404

    kept = Chat.objects.get(pk=chat).feedback.values_list("message_id", "value")
    assert [(str(id_), value) for id_, value in kept] == [(reply, -1)]
    assert browser.post(address, {"value": 7}).status_code == 400
    assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204
    assert not Chat.objects.filter(pk=chat).exists()
