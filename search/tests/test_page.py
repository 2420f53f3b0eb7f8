"""The search box of the page: what it finds, and where that leads."""

import re
from html import unescape

import pytest
from django.test import Client

from accounts.models import User
from chats.models import Chat, Message
from search.tests.helpers import add_message, new_chat

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.user = User.objects.create_user("ada@example.org", "a long passphrase")  # type: ignore[attr-defined]
    browser.force_login(browser.user, "accounts.backends.EmailBackend")  # type: ignore[attr-defined]
    return browser


def owner(browser: Client) -> User:
    return browser.user  # type: ignore[attr-defined,no-any-return]


def found(browser: Client, text: str, **query: str) -> str:
    answer = browser.get("/search/", {"search": text, **query}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def links(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'<a href="(/chats/[^"]+message=[^"]+)"', html)]


def test_the_box_on_the_page_asks_the_search(browser: Client) -> None:
    page = browser.get("/").content.decode()

    assert re.search(r'action="/search/"\s+hx-get="/search/"', page)


def test_chats_are_found_by_title_and_messages_by_their_words_while_one_types(browser: Client) -> None:
    titled = new_chat(owner(browser), title="Rare titles")
    other = new_chat(owner(browser), ["a <b>rarely</b> seen thing", "answer"], title="Other")
    message = Message.objects.get(chat=other, number=1)

    html = found(browser, "rare")

    assert f'href="/chats/{titled.pk}/"' in html
    assert links(html) == [f"/chats/{other.pk}/?message={message.pk}#m-{message.pk}"]
    assert "a &lt;b&gt;<mark>rarely</mark>&lt;/b&gt; seen thing" in html, "marked, and inert"
    assert "Nothing was found for “zebra”." in found(browser, "zebra")
    assert "`role:` is followed by user or assistant." in found(browser, "role:robot")
    assert "Today" in found(browser, "  ") or "Older" in found(browser, "")
    assert found(browser, "rare", current="not a chat")


def test_older_messages_are_one_link_away(browser: Client) -> None:
    chat = new_chat(owner(browser), [f"wombat {number}" for number in range(25)])
    page = found(browser, "wombat", current=str(chat.pk))
    assert len(links(page)) == 20
    [more] = re.findall(r'hx-get="(/search/[^"]+end=[^"]+)"', page)

    rest = browser.get(unescape(more), headers={"HX-Request": "true"}).content.decode()

    assert len(links(rest)) == 5
    assert not set(links(rest)) & set(links(page))


@pytest.mark.parametrize("end", ["x", "-1", "9" * 30, "\0"])
def test_a_forged_end_is_refused(browser: Client, end: str) -> None:
    assert browser.get("/search/", {"search": "x", "end": end}).status_code == 400


def test_a_found_message_is_on_the_page_it_leads_to(browser: Client) -> None:
    """Near the end the live page is as long as it takes; far back, or on another branch, it is for reading."""
    chat = new_chat(owner(browser), [f"word {number}" for number in range(1, 261)])
    rows = list(Message.objects.filter(chat=chat).order_by("number"))
    Chat.objects.filter(pk=chat.pk).update(head=rows[-1])
    branch = add_message(chat, "another version", parent=rows[9], role="user")
    Chat.objects.filter(pk=chat.pk).update(head=rows[-1])

    for row, live in ((rows[-1], True), (rows[-60], True), (rows[-199], True), (rows[3], False), (branch, False)):
        page = browser.get(f"/chats/{chat.pk}/", {"message": str(row.pk)}).content.decode()
        assert f'id="m-{row.pk}"' in page
        assert ("ws-connect" in page) == live
    assert f'id="m-{rows[9].pk}"' in page, "with what is before it"
    assert browser.get(f"/chats/{chat.pk}/", {"message": str(chat.pk)}).status_code == 404
    other = new_chat(owner(browser), ["elsewhere"])
    there = Message.objects.get(chat=other)
    assert browser.get(f"/chats/{chat.pk}/", {"message": str(there.pk)}).status_code == 404


def test_nobody_else_is_led_there(browser: Client) -> None:
    stranger = User.objects.create_user("eve@example.org", "a long passphrase")
    chat = new_chat(stranger, ["secret wombat"])
    message = Message.objects.get(chat=chat)

    assert links(found(browser, "wombat")) == []
    assert browser.get(f"/chats/{chat.pk}/", {"message": str(message.pk)}).status_code == 404
