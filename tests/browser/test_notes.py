"""Notes in a browser: the bookmark below an answer, `/save`, and the pages."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from llm.testing import FakeProvider
from tests.browser.test_ways import PHONE, serious
from tests.browser.visitor import Visitor

ANSWER = "# Leek soup\n\nBoil them **slowly**.\n\n```python\nx = 'soup'\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"


def test_an_answer_is_kept_with_its_bookmark_and_read_again(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text=ANSWER)
    visitor.connected()
    visitor.say("Soup?")
    visitor.replies.last.get_by_role("button", name="Save as note").click()

    visitor.replies.last.get_by_role("link", name="Saved: open the note").click()

    expect(visitor.page).to_have_title("Leek soup – Parley")
    note = visitor.page.locator("article.note")
    expect(note.locator("strong")).to_have_text("slowly")
    expect(note.locator("figure .t-s1")).to_have_text("'soup'")
    note.get_by_role("button", name="Copy").click()
    expect(note.locator(".quiet.done")).to_have_count(1)
    assert serious(visitor.page) == []
    visitor.page.get_by_role("link", name="from this chat").click()
    expect(visitor.last).to_contain_text("Boil them slowly")


def test_the_command_is_answered_with_a_link(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text=ANSWER)
    visitor.connected()
    visitor.say("/gemini Soup?")
    visitor.say("/save")

    expect(visitor.questions.first).to_have_text("/gemini Soup?")
    expect(visitor.replies.first.locator(".model-name")).to_contain_text("gemini")
    expect(visitor.last).to_have_text("Saved to your notes: Leek soup")
    expect(visitor.replies.last.get_by_role("button")).to_have_count(0)
    with visitor.page.context.expect_page() as opened:
        visitor.last.get_by_role("link").click()
    expect(opened.value).to_have_title("Leek soup – Parley")


def test_notes_are_searched_while_one_types_changed_and_deleted(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("navigation", name="Chats").get_by_role("link", name="Notes").click()
    for content in ("Leek soup with cream", "Train to Lisbon"):
        page.get_by_role("link", name="New note").click()
        page.get_by_label("Content").fill(content)
        page.get_by_label("Tags").fill("kept")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="All notes").click()
    rows = page.locator(".notes li")
    expect(rows).to_have_count(2)
    assert serious(page) == []

    page.get_by_label("Search notes").press_sequentially("SOUP")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Leek soup with cream")
    rows.get_by_role("link", name="Leek soup with cream").click()
    page.get_by_role("link", name="Edit").click()
    assert serious(page) == []
    page.get_by_label("Title").fill("Monday's soup")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Monday's soup")).to_be_visible()
    page.get_by_text("Delete", exact=True).first.click()
    page.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Train to Lisbon")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, PHONE], ids=["dark", "phone"])
def test_notes_fit_the_dark_and_the_phone(opened: Callable[..., Visitor], fake: FakeProvider, options: dict) -> None:
    visitor = opened(**options)
    visitor.register()
    fake.script(text="# " + "Long" * 60 + "\n\n" + ANSWER)
    visitor.connected()
    visitor.page.locator("#message").fill("Soup?")
    visitor.page.get_by_role("button", name="Send").click()
    visitor.replies.last.get_by_role("button", name="Save as note").click()
    visitor.replies.last.get_by_role("link", name="Saved: open the note").click()

    for _ in range(2):
        assert serious(visitor.page) == []
        width = visitor.page.viewport_size["width"]  # type: ignore[index]
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        visitor.page.goto("/notes/")


def test_without_script_notes_are_kept_found_changed_and_deleted(opened: Callable[..., Visitor]) -> None:
    visitor = opened(java_script_enabled=False)
    visitor.register()
    page = visitor.page
    page.locator("#message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Save as note").click()
    expect(page.locator("article.note")).to_be_visible()
    page.get_by_role("link", name="All notes").click()
    page.get_by_label("Search notes").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No note has")).to_be_visible()
    page.goto("/notes/")
    page.locator(".notes a").first.click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Title").fill("Greeting")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Greeting")).to_be_visible()
    page.locator(".note-delete summary").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
