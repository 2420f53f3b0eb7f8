"""Searching in everything while one types."""

from playwright.sync_api import Locator, Page, expect

from llm.testing import FakeProvider
from tests.browser.test_list import start_chat
from tests.browser.visitor import Visitor


def is_in_view(page: Page, place: Locator) -> bool:
    box = place.bounding_box()
    assert box is not None
    assert page.viewport_size is not None
    return 0 <= box["y"] < page.viewport_size["height"]


def test_what_is_found_while_one_types_leads_to_its_place(visitor: Visitor, fake: FakeProvider) -> None:
    page, found = visitor.page, visitor.page.locator("#chat-list .found a")
    start_chat(visitor, "Which fruit keeps best")
    fake.script(text="Cool and dark, **Äpfel** keep until spring.")
    visitor.say("And in a cellar?")
    for number in range(6):
        fake.script(text="A line.\n\n" * 20)
        visitor.say(f"Tell me more, {number}")
    start_chat(visitor, "Trains to Lisbon")

    page.get_by_label("Search chats").press_sequentially("apfel ke")

    expect(found).to_have_count(1)
    expect(found.locator(".found-title")).to_have_text("Which fruit keeps best")
    expect(found.locator("mark")).to_have_text(["Äpfel", "keep"])
    found.click()
    message = page.locator("article.reply").filter(has_text="Cool and dark")
    expect(page).to_have_title("Which fruit keeps best – Parley")
    expect(message).to_have_css("outline-style", "solid")
    page.wait_for_timeout(500)  # whatever scrolls to the end would have done so
    assert is_in_view(page, message)


def test_a_note_is_found_and_opened(visitor: Visitor, fake: FakeProvider) -> None:
    page, found = visitor.page, visitor.page.locator("#chat-list .found a")
    fake.script(text="Boil the quinces for an hour.")
    visitor.say("How to make quince jelly")
    visitor.say("/save")

    page.get_by_label("Search chats").fill("title:quinces")

    expect(found).to_have_count(1)
    expect(found.locator(".found-title")).to_contain_text("Note:")
    found.click()
    expect(page.locator("main")).to_contain_text("Boil the quinces for an hour.")
