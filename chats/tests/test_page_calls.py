"""Tool calls on the page: what is shown of them, and how their user is asked, over the socket and without script."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chats.models import ToolGrant, Turn
from chats.tests.helpers import fake as scripted
from chats.tests.helpers import reply_of
from chats.tests.test_approvals import ASKING, MAIL, decide, waiting
from chats.tests.test_page_socket import DONE, PROBE, Page, new_id, open_page, sign_in  # noqa: F401
from chats.tests.test_tools import call, called, calls_in, look  # noqa: F401
from conftest import Person

Opener = Callable[..., Page]
WAITS = 'data-busy="waiting"'
BOTH_MAILS = scripted(steps=[{"calls": [MAIL, call("send_mail", to="eve@example.org")]}, {"text": "Both."}])


def opened(open_page: Opener, person: Person, chat: str, prompt: str = "") -> Page:  # noqa: F811
    page = open_page(person, chat)
    page.next()
    if prompt:
        page.send(message=prompt)
    return page


def asked(frames: list[str]) -> list[str]:
    """Return the ids of the calls that the frames ask about."""
    return re.findall(r'name="call" value="([^"]+)"', "".join(frames))


def states(html: str) -> list[str]:
    return re.findall(r'data-state="(\w+)"', html)


def say(page: Page, reply: dict[str, Any], id_: str, verdict: str) -> None:
    page.send(do="decide", id=reply["id"], call=id_, verdict=verdict)


def test_calls_come_between_texts_and_change_in_place(open_page: Opener, alice: Person) -> None:  # noqa: F811
    steps = [{"text": "Let me see.", "calls": [look("tide")]}, {"text": "It is **the sea**."}]
    page = opened(open_page, alice, new_id(), scripted(steps=steps, chunk=4, delay=0.02))

    frames = page.until(DONE)

    joined = "".join(frames[1:])
    at = [joined.index(each) for each in ("Let me see", 'class="call"', "tide means tide.", "<strong>the sea</strong>")]
    assert at == sorted(at)
    assert states(joined)[-1] == "complete"
    assert re.search(r'<details class="call"\s+id="m-[0-9a-f-]+-c-\w+"\s*>', joined)  # folded
    assert joined.count('class="message reply"') == 1  # the end repeats nothing


def test_a_stored_reply_shows_its_parts_in_order(sign_in: Callable[[Person], Client], alice: Person) -> None:  # noqa: F811
    chat = alice.chat()
    steps = [
        {"reasoning": "Hm.", "text": "One.", "calls": [look("a"), call("nothing")]},
        {"reasoning": "Ah.", "calls": [look("b", size=3000)]},
        {"text": "Three.", "sources": [{"url": "https://example.org/x", "title": PROBE}, "javascript:alert(1)"]},
    ]
    alice.say(chat, scripted(steps=steps))

    html = sign_in(alice).get(f"/chats/{chat}/").content.decode()

    body = html[html.index('aria-label="Answer"') :]
    marks = ("Hm.", "One.", "Look up", "nothing", "Ah.", "3,010 characters", "Three.", "https://example.org/x")
    at = [body.index(each) for each in marks]
    assert at == sorted(at)
    assert states(body) == ["complete", "failed", "complete"]
    assert "javascript" not in body
    assert PROBE not in body
    assert "<span>example.org</span>" in body


def test_a_card_shows_exactly_what_will_be_sent_and_allowing_it_goes_on(
    open_page: Opener, alice: Person, called: list[Any]  # noqa: F811
) -> None:  # fmt: skip
    page = opened(open_page, alice, new_id(), ASKING)
    chat = page.chat

    frames = page.until(WAITS, "Your decision is needed: Send a mail")

    [id_] = asked(frames)
    card = "".join(frames)["".join(frames).index('class="call card"') :]
    assert '{\n  "to": "bob@example.org"\n}' in unescape(card)
    assert "<code>send_mail</code>" in card
    assert "Waits until" in card
    say(page, reply_of(alice, chat), id_, "allow")
    joined = "".join(page.until(DONE))
    assert joined.index('data-busy="yes"') < joined.index("It is sent.")
    assert states(joined) == ["running", "complete"]
    assert called == [("send_mail", "bob@example.org")]


@pytest.mark.parametrize("verdict", ["always", "deny"])
def test_always_and_never(open_page: Opener, alice: Person, called: list[Any], verdict: str) -> None:  # noqa: F811
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    page = open_page(alice, chat)
    page.until(WAITS)

    say(page, reply, mail, verdict)

    page.until(DONE)
    assert len(called) == (verdict == "always")
    assert ToolGrant.objects.filter(chat=chat).exists() == (verdict == "always")
    assert calls_in(reply_of(alice, chat))[0]["state"] == ("complete" if verdict == "always" else "denied")


def test_each_call_is_decided_on_its_own_and_every_page_shows_it(
    open_page: Opener, alice: Person, called: list[Any]  # noqa: F811
) -> None:  # fmt: skip
    chat = alice.chat()
    reply, [bob, eve] = waiting(alice, chat, BOTH_MAILS)
    pages = [open_page(alice, chat) for _ in range(2)]
    for page in pages:
        assert asked(page.until("Your decision")) == [bob, eve]

    say(pages[0], reply, bob, "allow")

    for page in pages:
        assert f'id="m-{reply["id"]}-c-{bob}"' in "".join(page.until("decided"))
    assert called == []
    assert asked([open_page(alice, chat).next()]) == [eve]
    say(pages[1], reply, eve, "deny")
    for page in pages:
        assert "Both." in "".join(page.until(DONE))
    assert called == [("send_mail", "bob@example.org")]


def test_a_decision_made_elsewhere_takes_the_card_away(open_page: Opener, alice: Person) -> None:  # noqa: F811
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    page = open_page(alice, chat)
    page.until(WAITS)

    decide(alice, chat, reply, (mail, True))

    joined = "".join(page.until(DONE))
    assert states(joined) == ["running", "complete"]
    assert "It is sent." in joined


@pytest.mark.parametrize("how", ["stop", "send", "expire"])
def test_what_ends_the_waiting_takes_the_card_away(
    open_page: Opener, alice: Person, called: list[Any], how: str  # noqa: F811
) -> None:  # fmt: skip
    chat = alice.chat()
    reply, _ = waiting(alice, chat)
    page = open_page(alice, chat)
    page.until(WAITS)

    if how == "stop":
        page.send(do="stop")
    elif how == "send":
        page.send(message="Never mind")
    else:
        Turn.objects.filter(reply=reply["id"]).update(lease_until=timezone.now() - timedelta(seconds=1))

    words = {"stop": "Stopped.", "send": "went on without a decision", "expire": "Nobody decided in time"}[how]
    joined = "".join(page.until(words, DONE))
    assert "denied" in states(joined)
    assert asked([open_page(alice, chat).next()]) == []
    assert called == []


def test_a_page_that_comes_back_paints_a_superseded_reply_again(open_page: Opener, alice: Person) -> None:  # noqa: F811
    chat = alice.chat()
    reply, _ = waiting(alice, chat)
    alice.say(chat, "Never mind")

    frame = open_page(alice, chat, f"?head={reply['id']}&size=50&busy=waiting").next()

    assert f'<div id="m-{reply["id"]}" hx-swap-oob="delete">' in frame
    assert "went on without a decision" in frame


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"call": "c"}, "no such"),
        ({"call": "c", "id": new_id()}, "no such"),
        ({"verdict": "perhaps"}, "not a valid choice"),
        ({"call": "c" * 65}, "no more than 64"),
        ({"call": "a\x00b"}, "NUL"),
        ({"call": None}, "null"),
        ({"id": "x"}, "UUID"),
    ],
)
def test_what_cannot_be_decided_is_a_notice(
    open_page: Opener, alice: Person, called: list[Any], values: dict[str, Any], words: str  # noqa: F811
) -> None:  # fmt: skip
    chat = alice.chat()
    reply, [mail] = waiting(alice, chat)
    page = open_page(alice, chat)
    page.until(WAITS)

    page.send(**{"do": "decide", "id": reply["id"], "call": mail, "verdict": "allow", **values})

    assert words in page.until('role="alert"')[-1]
    assert (reply_of(alice, chat)["state"], called) == ("waiting", [])


def test_without_script_one_decides_by_plain_posts(
    sign_in: Callable[[Person], Client], alice: Person, bob: Person, called: list[Any]  # noqa: F811
) -> None:  # fmt: skip
    browser, chat = sign_in(alice), new_id()
    assert browser.post(f"/chats/{chat}/send/", {"message": BOTH_MAILS, "key": "k"}).status_code == 302
    html = browser.get(f"/chats/{chat}/").content.decode()
    ids, reply = asked([html]), reply_of(alice, chat)
    assert len(ids) == 2
    form = {"id": reply["id"], "call": ids[0], "verdict": "allow"}

    assert sign_in(bob).post(f"/chats/{chat}/decide/", form).status_code == 404
    assert browser.post(f"/chats/{chat}/decide/", form)["Location"] == f"/chats/{chat}/"
    assert asked([browser.get(f"/chats/{chat}/").content.decode()]) == ids[1:]
    assert browser.post(f"/chats/{chat}/decide/", {**form, "verdict": "deny"}).status_code == 409
    browser.post(f"/chats/{chat}/decide/", {**form, "call": ids[1], "verdict": "deny"})

    html = browser.get(f"/chats/{chat}/").content.decode()
    assert states(html[html.index('aria-label="Answer"') :]) == ["complete", "denied"]
    assert "Both." in html
    assert called == [("send_mail", "bob@example.org")]


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_markup_in_calls_is_inert_in_every_frame(open_page: Opener, alice: Person, chunk: int) -> None:  # noqa: F811
    steps = [{"calls": [look(PROBE), call("send_mail", to=PROBE), call(PROBE)]}]
    page = opened(open_page, alice, new_id(), scripted(steps=steps, chunk=chunk, delay=0.01))

    for frame in page.until(WAITS, "Your decision"):
        assert "<img" not in frame


def test_arguments_are_shown_while_they_are_written(open_page: Opener, alice: Person) -> None:  # noqa: F811
    steps = [{"calls": [look("a long word " * 8)]}, {"text": "Done."}]
    page = opened(open_page, alice, new_id(), scripted(steps=steps, chunk=6, delay=0.1))

    frames = page.until(DONE)

    assert states("".join(frames))[:1] == ["writing"]
    assert len([frame for frame in frames if re.search(r'-in" hx-swap-oob="beforeend">', frame)]) > 1
    assert states("".join(frames))[-1] == "complete"
