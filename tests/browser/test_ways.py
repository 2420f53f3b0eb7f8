"""Other ways to use the page: a phone, a keyboard, no script, darkness, a screen reader's rules."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llm.testing import FakeProvider
from tests.browser.visitor import Visitor

AXE = (Path(__file__).parent / "axe-core" / "axe.min.js").read_text()
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def serious(page: Page) -> list[str]:
    """Return what axe-core finds and calls serious or worse."""
    page.evaluate(AXE)  # not a script of the page: its policy does not bind us
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert len(found["passes"]) > 5, json.dumps(found)[:2000]
    bad = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html']}" for each in bad for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/", "/accounts/sign-in/", "/accounts/register/", "/accounts/reset/", "/no/such/page"]
)
def test_pages_for_strangers_have_no_serious_violation(opened: Callable[..., Visitor], path: str, scheme: str) -> None:
    visitor = opened(color_scheme=scheme)
    visitor.page.goto(path)

    assert serious(visitor.page) == []


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_the_chat_has_no_serious_violation(opened: Callable[..., Visitor], fake: FakeProvider, options: dict) -> None:
    visitor = opened(**options)
    visitor.register()
    visitor.connected()
    assert serious(visitor.page) == []
    code = "```python\n# why\nclass A(B):\n    x = f(1) + 'two'\n```"
    fake.script(text=f"# Title\n\n> quote\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n{code}\n\n- [x] done")
    visitor.page.locator("#message").fill("Show everything")
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.last.locator("figure .t-k").first).to_have_text("class")
    visitor.done()
    fake.script(status=400)
    visitor.page.locator("#message").fill("Fail")
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.replies.last.get_by_role("alert")).to_be_visible()
    visitor.done()
    assert serious(visitor.page) == []


@pytest.mark.parametrize(
    "path", ["usage", *(f"accounts/{name}" for name in ("profile", "devices", "password", "email", "delete"))]
)
def test_pages_of_the_account_have_no_serious_violation(visitor: Visitor, path: str) -> None:
    visitor.page.goto(f"/{path}/")

    assert serious(visitor.page) == []


def test_the_documentation_of_the_api_has_no_serious_violation(opened: Callable[..., Visitor]) -> None:
    reader = opened()
    reader.page.goto("/api/docs/")
    for method in ("get", "post", "put", "patch", "delete"):
        reader.page.locator(f".opblock-{method} .opblock-summary-control").first.click()
    expect(reader.page.locator(".opblock.is-open .responses-table").nth(4)).to_be_visible()
    assert serious(reader.page) == []

    reader.page.locator(".authorize").first.click()
    expect(reader.page.get_by_role("button", name="Close").first).to_be_visible()
    assert serious(reader.page) == []
    assert reader.complaints == []


def test_on_a_phone_the_list_is_a_drawer_and_nothing_is_wider_than_the_screen(opened: Callable[..., Visitor]) -> None:
    visitor = opened(**PHONE)
    visitor.register()
    visitor.connected()
    visitor.page.locator("#message").fill("A long line " * 30 + "x" * 300)
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.replies).to_have_count(1)
    visitor.done()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(visitor.page.locator("#sidebar")).not_to_be_in_viewport()

    visitor.page.get_by_label("Open the list of chats").click()
    expect(visitor.page.locator("#chat-list li")).to_be_in_viewport()
    expect(visitor.page.get_by_label("Close the list of chats")).to_be_focused()
    visitor.page.keyboard.press("Escape")

    expect(visitor.page.locator("#sidebar")).not_to_be_in_viewport()
    expect(visitor.page.get_by_label("Open the list of chats")).to_be_focused()
    assert visitor.complaints == []


def test_enter_sends_shift_enter_breaks_and_the_input_grows(visitor: Visitor) -> None:
    box = visitor.page.locator("#message")
    expect(box).to_be_focused()
    small = box.bounding_box()
    visitor.page.keyboard.type("one")
    visitor.page.keyboard.press("Shift+Enter")
    visitor.page.keyboard.type("two")
    grown = box.bounding_box()
    assert small is not None
    assert grown is not None
    assert grown["height"] > small["height"]

    visitor.page.keyboard.press("Enter")

    expect(visitor.questions).to_have_text("one\ntwo", use_inner_text=True)
    expect(box).to_be_focused()


def test_a_screen_reader_is_told_when_the_answer_is_there(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="Forty-two.")

    visitor.say("What is it?")

    live = visitor.page.locator("#announce")
    expect(live).to_have_text("Answer: Forty-two.")
    expect(live).to_have_attribute("aria-live", "polite")


def test_without_javascript_one_can_register_chat_edit_and_switch(
    opened: Callable[..., Visitor], fake: FakeProvider
) -> None:
    visitor = opened(java_script_enabled=False)
    visitor.register()
    fake.script(text="**Whole** reply.", chunk=4, delay=0.01)
    visitor.page.get_by_label("Your message").fill("Without script")
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.last.locator("strong")).to_have_text("Whole")
    expect(visitor.questions).to_have_text("Without script")

    fake.script(text="Another one.")
    visitor.page.get_by_role("button", name="Another answer").click()
    expect(visitor.last).to_have_text("Another one.")
    visitor.page.get_by_role("button", name="Previous version").click()
    expect(visitor.last).to_have_text("Whole reply.")

    visitor.page.locator("article.question").hover()
    visitor.page.locator(".edit summary").click()
    visitor.page.get_by_label("Edit your message").fill("Edited")
    visitor.page.locator(".edit-form").get_by_role("button", name="Send").click()
    expect(visitor.questions).to_have_text("Edited")
    visitor.page.get_by_role("button", name="Good answer").click()
    expect(visitor.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


def test_darkness_is_chosen_once_and_remembered(visitor: Visitor) -> None:
    def ground() -> str:
        return str(visitor.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    visitor.page.get_by_label("Dark or light").click()
    dark = ground()
    visitor.page.reload()

    assert dark != light
    assert ground() == dark
