"""The page's plain views: whose they are, what they list, and that they work as plain posts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Profile, User
from chats.models import Chat

OWN_ADDRESSES = ("rename", "pin", "unpin", "archive", "unarchive", "delete")
TURN_ADDRESSES = ("send", "edit", "regenerate", "continue", "decide", "stop", "show")


@pytest.fixture
def member(db: None) -> Callable[[str], Client]:
    def make(name: str) -> Client:
        browser = Client()
        user = User.objects.create_user(f"{name}@example.org", "a long passphrase")
        browser.force_login(user, "accounts.backends.EmailBackend")
        browser.user = user  # type: ignore[attr-defined]
        return browser

    return make


def make_chat(browser: Any, title: str, age: timedelta = timedelta(), **values: Any) -> Chat:
    at = timezone.now() - age
    return Chat.objects.create(owner=browser.user, title=title, created_at=at, updated_at=at, **values)


def test_somebody_else_s_chat_is_not_there(member: Callable[[str], Client]) -> None:
    alice, bob = member("alice"), member("bob")
    chat = make_chat(alice, "Secret")

    assert bob.get(f"/chats/{chat.pk}/").status_code == 404
    for name in OWN_ADDRESSES:
        assert bob.post(f"/chats/{chat.pk}/{name}/", {"title": "x"}).status_code == 404
    assert Chat.objects.filter(pk=chat.pk, title="Secret", pinned=False, folder="active").exists()


@pytest.mark.parametrize("name", OWN_ADDRESSES + TURN_ADDRESSES)
def test_nothing_changes_by_looking_or_without_a_form_token(member: Callable[[str], Client], name: str) -> None:
    alice = member("alice")
    chat = make_chat(alice, "Mine")
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = alice.cookies

    assert alice.get(f"/chats/{chat.pk}/{name}/").status_code == 405
    assert careful.post(f"/chats/{chat.pk}/{name}/", {"title": "x", "message": "x"}).status_code == 403
    assert Chat.objects.filter(pk=chat.pk, title="Mine", last_number=0, pinned=False, folder="active").exists()


@pytest.mark.parametrize("name", OWN_ADDRESSES + TURN_ADDRESSES)
def test_strangers_are_sent_to_sign_in(client: Client, member: Callable[[str], Client], name: str) -> None:
    chat = make_chat(member("alice"), "Mine")

    answer = client.post(f"/chats/{chat.pk}/{name}/", {"title": "x"})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/sign-in/")
    assert client.get(f"/chats/{chat.pk}/")["Location"] == f"/accounts/sign-in/?next=/chats/{chat.pk}/"


def test_plain_posts_rename_pin_archive_and_delete(member: Callable[[str], Client]) -> None:
    alice = member("alice")
    chat = make_chat(alice, "Old")

    answer = alice.post(f"/chats/{chat.pk}/rename/", {"title": "  New \n name "})
    assert answer["Location"] == f"/chats/{chat.pk}/"
    alice.post(f"/chats/{chat.pk}/pin/")
    alice.post(f"/chats/{chat.pk}/archive/")
    chat.refresh_from_db()
    assert (chat.title, chat.pinned, chat.folder) == ("New name", True, "archived")
    alice.post(f"/chats/{chat.pk}/unpin/")
    alice.post(f"/chats/{chat.pk}/unarchive/")
    chat.refresh_from_db()
    assert (chat.pinned, chat.folder) == (False, "active")
    assert alice.post(f"/chats/{chat.pk}/delete/")["Location"] == "/"
    assert not Chat.objects.filter(pk=chat.pk).exists()


def test_the_list_counts_days_in_the_user_s_zone(member: Callable[[str], Client], time_machine: Any) -> None:
    time_machine.move_to("2026-06-10T22:30:00Z", tick=False)  # half past midnight of the 11th in Berlin
    alice = member("alice")
    make_chat(alice, "An hour ago", timedelta(hours=1))
    make_chat(alice, "Nine days ago", timedelta(days=9))

    assert groups(alice) == {"Today": ["An hour ago"], "Older": ["Nine days ago"]}
    Profile.objects.filter(user=alice.user).update(timezone="Europe/Berlin")  # type: ignore[attr-defined]
    assert groups(alice) == {"Yesterday": ["An hour ago"], "Older": ["Nine days ago"]}


def test_pinned_chats_stand_first_and_archived_ones_apart(member: Callable[[str], Client]) -> None:
    alice = member("alice")
    make_chat(alice, "Plain")
    make_chat(alice, "Pinned one", timedelta(days=30), pinned=True)
    make_chat(alice, "Put away", folder="archived")

    assert groups(alice) == {"Pinned": ["Pinned one"], "Today": ["Plain"]}
    assert groups(alice, "/chats/?archived=1") == {"Archived": ["Put away"]}
    assert set(groups(alice, "/chats/?search=pinned")["Found"]) == {"Pinned one"}


def groups(browser: Client, path: str = "/") -> dict[str, list[str]]:
    found = browser.get(path).context["groups"]
    return {label: [row["title"] for row in rows] for label, rows in found}


def test_no_list_of_the_page_shows_what_is_temporary_or_in_the_trash(member: Callable[[str], Client]) -> None:
    alice = member("alice")
    make_chat(alice, "Plain")
    make_chat(alice, "Put away", folder="archived")
    for folder in ("temporary", "trash"):
        hidden = make_chat(alice, f"Hidden in {folder}", folder=folder, pinned=True)
        assert alice.get(f"/chats/{hidden.pk}/").status_code == 200

    assert groups(alice) == {"Today": ["Plain"]}
    assert groups(alice, "/chats/?archived=1") == {"Archived": ["Put away"]}
    assert groups(alice, "/chats/?search=p") == {"Found": ["Put away", "Plain"]}
    assert groups(alice, "/chats/?search=hidden") == {}
