"""Connections that break, sessions that end, processes that die."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from llm.testing import FakeProvider
from tests.browser.visitor import Visitor
from tests.browser.wire import Wire


@pytest.fixture
def far(opened: Callable[..., Visitor], wire: Wire) -> Visitor:
    """Return somebody whose connection can be cut."""
    visitor = opened(wire.url)
    visitor.register()
    visitor.connected()
    return visitor


def test_a_reply_goes_on_while_the_reader_is_away_and_nothing_is_lost(
    far: Visitor, wire: Wire, fake: FakeProvider
) -> None:
    words = [f"word{number}" for number in range(60)]
    fake.script(text=" ".join(words), chunk=6, delay=0.04)
    far.write("Count")
    expect(far.last).to_contain_text("word1 ")

    wire.cut()
    expect(far.page.locator("#connection")).to_contain_text("reconnecting")
    wire.mend()

    far.connected()
    far.done()
    expect(far.last).to_have_text(" ".join(words))
    expect(far.replies).to_have_count(1)


def test_what_is_sent_while_offline_is_sent_once_the_connection_is_back(
    far: Visitor, wire: Wire, fake: FakeProvider
) -> None:
    wire.cut()
    expect(far.page.locator("#connection")).to_have_attribute("data-state", "wait")

    far.write("Written in a tunnel")

    expect(far.page.locator("#message")).to_have_value("Written in a tunnel")  # kept until it is stored
    wire.mend()
    expect(far.questions).to_have_text("Written in a tunnel")
    far.done()
    expect(far.replies).to_have_count(1)
    expect(far.page.locator("#message")).to_have_value("")
    assert len(fake.requests()) == 1


def test_a_turn_that_ran_in_another_tab_meanwhile_is_shown_after_the_reconnect(
    far: Visitor, wire: Wire, site: str
) -> None:
    far.say("Before")
    near = Visitor(far.page.context.new_page())
    address = far.page.url.replace(wire.url, site)
    far.page.context.add_cookies([{**cookie, "url": site} for cookie in _cookies(far)])  # type: ignore[typeddict-item]
    near.page.goto(address)
    near.connected()
    wire.cut()

    near.say("Meanwhile")

    wire.mend()
    expect(far.questions).to_have_text(["Before", "Meanwhile"])
    expect(far.replies).to_have_count(2)


def _cookies(visitor: Visitor) -> list[dict[str, str]]:
    return [{"name": each["name"], "value": each["value"]} for each in visitor.page.context.cookies()]


def test_a_page_whose_session_has_ended_says_so(visitor: Visitor) -> None:
    visitor.say("Hello")
    other = Visitor(visitor.page.context.new_page())
    other.page.goto("/accounts/devices/")
    other.page.get_by_role("button", name="Sign out everywhere").click()
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()

    visitor.write("Am I still here?")

    expect(visitor.page.locator("#notice")).to_contain_text("You are signed out.")
    expect(visitor.page.locator("#connection")).to_have_text("Signed out")
    expect(visitor.questions).to_have_count(1)


def test_a_page_left_alone_is_closed_within_half_a_minute_of_signing_out(visitor: Visitor) -> None:
    visitor.say("Hello")
    other = Visitor(visitor.page.context.new_page())
    other.page.goto("/accounts/devices/")

    other.page.get_by_role("button", name="Sign out everywhere").click()

    expect(visitor.page.locator("#connection")).to_have_text("Signed out", timeout=30_000)


def test_a_chat_deleted_elsewhere_says_so(visitor: Visitor) -> None:
    visitor.say("Hello")
    visitor.connected()
    other = Visitor(visitor.page.context.new_page())
    other.page.goto(visitor.page.url)
    other.page.get_by_label("Options of Hello").click()
    other.page.get_by_text("Delete", exact=True).first.click()

    other.page.get_by_role("button", name="Delete").click()

    expect(other.page).to_have_title("New chat – Parley")
    expect(visitor.page.locator("#notice")).to_contain_text("deleted")


DEAD = """
  const Real = WebSocket;

  window.WebSocket = class extends Real {
    send(text) { if (window.swallow) return; super.send(text); }
  };
"""


def test_what_a_dying_connection_swallowed_is_sent_again_under_its_key(
    opened: Callable[..., Visitor], wire: Wire, fake: FakeProvider
) -> None:
    far = opened(wire.url)
    far.page.add_init_script(DEAD)
    far.register()
    far.connected()
    far.page.evaluate("window.swallow = true")

    far.write("Lost on the way")
    far.page.locator("#message").press("End")
    wire.cut()
    expect(far.page.locator("#connection")).to_have_attribute("data-state", "wait")
    far.page.evaluate("window.swallow = false")
    wire.mend()

    expect(far.questions).to_have_text("Lost on the way")
    far.done()
    expect(far.page.locator("#message")).to_have_value("")
    expect(far.replies).to_have_count(1)
    assert len(fake.requests()) == 1


BLOCKED = """
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url) { super(url.replace("/page/", "/blocked/")); }
  };
"""


def test_where_no_socket_gets_through_the_forms_do_and_the_page_says_so(
    opened: Callable[..., Visitor], fake: FakeProvider
) -> None:
    walled = opened()
    walled.page.add_init_script(BLOCKED)
    walled.register()
    expect(walled.page.locator("#connection")).to_contain_text("No live connection")

    walled.write("Through the wall")

    expect(walled.questions).to_have_text("Through the wall")
    expect(walled.last).to_contain_text("reply")
    walled.page.locator("#message").fill("Once more")
    walled.page.get_by_role("button", name="Send").click()
    expect(walled.questions).to_have_text(["Through the wall", "Once more"])
    assert len(fake.requests()) == 2
