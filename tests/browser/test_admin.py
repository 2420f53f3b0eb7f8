"""The admin in a browser: nothing is wider than the window that cannot be scrolled to."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from llm.testing import FakeProvider
from tests.browser.conftest import ROOT
from tests.browser.visitor import PASSWORD, Visitor

LISTS = ["accounts/user", "accounts/session", "chats/chat", "chats/turn", "chats/feedback", "notes/note",
         "oauth2_provider/application", "streamchat/channel", "streamchat/reply", "usage/attempt", "usage/counter",
         "usage/limit", "usage/attempt/report"]  # fmt: skip
OUT_OF_REACH = """() => [...document.querySelectorAll("#content *")].filter((one) => {
  const seen = one.closest(".results") ?? one; // which scrolls
  return seen.getBoundingClientRect().right > innerWidth + 1;
}).map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture
def root(opened: Callable[..., Visitor], site: str, database: str) -> Visitor:
    """Return a superuser who is signed in."""
    environment = {
        **os.environ,
        "ENV_FILE": "", "SECRET_KEY": "x" * 50, "DATABASE_URL": database, "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--email", "root@example.org"]
    subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True)
    visitor = opened()
    visitor.page.goto("/accounts/sign-in/?next=/admin/")
    visitor.page.get_by_label("E-mail address").fill("root@example.org")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page).to_have_url(f"{site}/admin/")
    return visitor


def test_long_replies_wrap_and_lists_are_not_cut(root: Visitor, visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="word " * 4000 + "x" * 20_000)
    visitor.say("A long one " + "y" * 180)
    chat = visitor.page.url.rstrip("/").rpartition("/")[2]

    for name in LISTS:
        root.page.goto(f"/admin/{name}/")
        assert root.page.evaluate(OUT_OF_REACH) == [], name
    root.page.goto(f"/admin/chats/chat/{chat}/change/")
    expect(root.page.locator("pre").last).to_contain_text("word")
    assert root.page.evaluate(OUT_OF_REACH) == []


def test_a_chat_with_turns_is_deleted(root: Visitor, visitor: Visitor) -> None:
    visitor.say("To be deleted")
    chat = visitor.page.url.rstrip("/").rpartition("/")[2]

    root.page.goto(f"/admin/chats/chat/{chat}/delete/")
    root.page.get_by_role("button", name="Yes").click()

    expect(root.page.locator(".messagelist")).to_contain_text("deleted successfully")
    assert root.page.goto(f"/chats/{chat}/").status == 404  # type: ignore[union-attr]
