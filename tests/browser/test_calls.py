"""Tool calls in a browser: what is seen of them, and how one is asked, with whatever one has at hand."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from llm.testing import FakeProvider
from tests.browser.test_inert import ALIVE, PROBES
from tests.browser.test_ways import serious
from tests.browser.visitor import Visitor

NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
LIST = {"name": "list_notes", "arguments": {}}


def saving(title: str, content: str = "Milk") -> dict[str, Any]:
    return {"name": "save_note", "arguments": {"title": title, "content": content}}


def ask(visitor: Visitor, fake: FakeProvider, *calls: dict[str, Any], end: str = "All done.") -> None:
    """Have the model ask for calls, and wait for their cards."""
    fake.script(steps=[{"text": "I shall save it.", "calls": list(calls)}, {"text": end}])
    visitor.write("Save it, please")
    expect(cards(visitor)).to_have_count(len(calls))


def cards(visitor: Visitor) -> Locator:
    return visitor.page.locator(".card")


def lines(visitor: Visitor) -> Locator:
    return visitor.page.locator("details.call")


def press(card: Locator, name: str) -> None:
    card.get_by_role("button", name=name, exact=True).click()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_call_is_a_folded_line_with_input_and_output(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(steps=[{"text": "First I look.", "calls": [LIST]}, {"text": "You have **none**."}], chunk=6, delay=0.02)
    visitor.say("How many notes have I?")
    line = lines(visitor)
    expect(line).to_have_count(1)
    expect(line.locator("summary")).to_have_text("List the notes done in 0.1 s", use_inner_text=False)
    expect(line.locator("pre").first).to_be_hidden()

    line.locator("summary").focus()
    visitor.page.keyboard.press("Enter")

    expect(line.locator("pre").first).to_have_text("{}")
    expect(line.locator("pre").last).to_contain_text('"notes"')
    order = visitor.page.evaluate("document.querySelector('article.reply').innerText")
    assert order.index("First I look.") < order.index("List the notes") < order.index("You have none.")
    visitor.page.reload()
    expect(lines(visitor).locator("summary")).to_contain_text("done in")
    expect(visitor.replies.last.locator("strong")).to_have_text("none")


def test_a_call_is_allowed_with_the_mouse(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("Shopping", "Milk & “bread”"))
    card = cards(visitor)
    expect(card).to_contain_text("save_note")
    expect(card.locator("pre")).to_have_text('{\n  "title": "Shopping",\n  "content": "Milk & “bread”"\n}')
    expect(card).to_contain_text("Waits until")
    expect(visitor.page.locator("#announce")).to_have_text("Your decision is needed: Save a note")

    press(card, "Allow")

    expect(cards(visitor)).to_have_count(0)
    expect(lines(visitor)).to_contain_text("done in")
    expect(visitor.replies.last).to_contain_text("All done.")
    visitor.done()
    visitor.page.goto("/notes/")
    expect(visitor.page.get_by_role("link", name="Shopping")).to_be_visible()


def test_a_call_is_allowed_with_the_keyboard_alone(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("One"), saving("Two"))
    for _ in range(30):
        visitor.page.keyboard.press("Shift+Tab")
        if visitor.page.evaluate("document.activeElement.textContent") == "Don’t allow":
            break
    visitor.page.keyboard.press("Shift+Tab")
    visitor.page.keyboard.press("Shift+Tab")
    expect(cards(visitor).last.get_by_role("button", name="Allow", exact=True)).to_be_focused()

    visitor.page.keyboard.press("Enter")

    expect(cards(visitor)).to_have_count(1)
    expect(lines(visitor).locator("summary")).to_be_focused()  # where the card stood
    for _ in range(5):
        visitor.page.keyboard.press("Shift+Tab")
        if visitor.page.evaluate("document.activeElement.textContent") == "Don’t allow":
            break
    visitor.page.keyboard.press("Space")
    expect(cards(visitor)).to_have_count(0)
    visitor.done()
    expect(lines(visitor).locator(".call-state")).to_have_text(["not allowed", "done in 0.1 s"])


def test_always_holds_for_this_chat_only(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("One"))
    press(cards(visitor), "Allow, and always in this chat")
    visitor.done()

    fake.script(steps=[{"calls": [saving("Two")]}, {"text": "Saved again."}])
    visitor.say("Another one")

    expect(visitor.replies.last).to_contain_text("Saved again.")
    expect(lines(visitor).locator(".call-state")).to_have_text(["done in 0.1 s"] * 2)
    visitor.page.goto("/")
    visitor.connected()
    ask(visitor, fake, saving("Three"))


def test_a_refusal_is_told_and_nothing_is_saved(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("Secret"), end="As you like.")

    press(cards(visitor), "Don’t allow")

    expect(visitor.replies.last).to_contain_text("As you like.")
    expect(lines(visitor)).to_contain_text("not allowed")
    visitor.page.goto("/notes/")
    expect(visitor.page.get_by_role("link", name="Secret")).to_have_count(0)


def test_cards_live_through_a_reload_and_go_away_in_every_tab(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("One"), saving("Two"))
    second = Visitor(visitor.page.context.new_page())
    second.page.goto(visitor.page.url)
    second.connected()
    visitor.page.reload()
    visitor.connected()
    expect(cards(visitor)).to_have_count(2)
    expect(cards(second)).to_have_count(2)

    press(cards(visitor).first, "Allow")
    expect(cards(second)).to_have_count(1)
    press(cards(second), "Allow")

    for tab in (visitor, second):
        expect(cards(tab)).to_have_count(0)
        expect(tab.replies.last).to_contain_text("All done.")
        tab.done()
        expect(tab.replies).to_have_count(1)
    assert second.complaints == []


def test_one_may_stop_or_go_on_instead(visitor: Visitor, fake: FakeProvider) -> None:
    ask(visitor, fake, saving("One"))
    fake.clear()  # the step that will not be taken
    fake.script(text="Something else, then.")
    visitor.write("Never mind")
    expect(visitor.replies).to_have_count(2)
    expect(visitor.replies.last).to_contain_text("Something else")
    expect(cards(visitor)).to_have_count(0)
    expect(visitor.replies.first).to_contain_text("went on without a decision")
    visitor.done()

    ask(visitor, fake, saving("Two"))
    visitor.page.get_by_role("button", name="Stop").click()

    expect(cards(visitor)).to_have_count(0)
    expect(visitor.replies.last).to_contain_text("Stopped.")
    visitor.done()


def test_without_script_one_decides_too(opened: Callable[..., Visitor], fake: FakeProvider) -> None:
    visitor = opened(java_script_enabled=False)
    visitor.register()
    fake.script(steps=[{"calls": [saving("One"), saving("Two")]}, {"text": "All done."}])
    visitor.page.get_by_label("Your message").fill("Save two notes")
    visitor.page.get_by_role("button", name="Send").click()
    expect(cards(visitor)).to_have_count(2)

    press(cards(visitor).first, "Allow")
    expect(cards(visitor)).to_have_count(1)
    press(cards(visitor), "Don’t allow")

    expect(visitor.replies.last).to_contain_text("All done.")
    expect(lines(visitor).locator(".call-state")).to_have_text(["done in 0.1 s", "not allowed"])
    lines(visitor).first.locator("summary").click()
    expect(lines(visitor).first.locator("pre").first).to_contain_text("One")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, NARROW], ids=["wide", "narrow"])
def test_calls_and_cards_have_no_violation_and_fit(
    opened: Callable[..., Visitor], fake: FakeProvider, scheme: str, size: dict[str, Any]
) -> None:
    visitor = opened(color_scheme=scheme, **size)
    visitor.register()
    visitor.connected()
    calls = [LIST, {"name": "read_note", "arguments": {"id": "nonsense" * 60}}]
    steps = [{"text": "I look.", "calls": calls}, {"calls": [saving("T" * 200, "word " * 2000)]}, {"text": "Done."}]
    fake.script(steps=[*steps[:2], {**steps[2], "sources": ["https://example.org/" + "long" * 60]}])
    visitor.page.locator("#message").fill("Everything, please")
    visitor.page.get_by_role("button", name="Send").click()
    expect(cards(visitor)).to_have_count(1)
    for line in lines(visitor).all():
        line.locator("summary").click()
    assert serious(visitor.page) == []
    assert fits(visitor.page)
    buttons = [each.bounding_box() for each in cards(visitor).get_by_role("button").all()]
    assert all(box and box["height"] >= 36 and box["x"] >= 0 for box in buttons)

    press(cards(visitor), "Allow")

    expect(visitor.replies.last.get_by_role("link", name="https://example.org")).to_be_visible()
    lines(visitor).last.locator("summary").click()
    expect(lines(visitor).last).to_contain_text("The first 2,000 of 10,")
    assert serious(visitor.page) == []
    assert fits(visitor.page)
    assert visitor.complaints == []


def test_probes_in_calls_are_inert(visitor: Visitor, fake: FakeProvider) -> None:
    text = "\n".join(PROBES)
    sources = [{"url": "javascript:alert(1)", "title": "x"}, {"url": "https://example.org", "title": PROBES[0]}]
    steps = [{"calls": [{"name": "search_notes", "arguments": {"query": text}}, {"name": PROBES[0], "arguments": {}}]},
             {"calls": [saving(PROBES[0], text)]}, {"text": "End.", "sources": sources}]  # fmt: skip
    fake.script(steps=steps, chunk=7)

    visitor.write("Probe")

    expect(cards(visitor)).to_contain_text(PROBES[0])
    assert visitor.page.evaluate(ALIVE) == []
    press(cards(visitor), "Allow")
    visitor.done()
    assert visitor.page.evaluate(ALIVE) == []
    visitor.page.reload()
    visitor.connected()
    expect(visitor.replies.last).to_contain_text(PROBES[0])
    assert visitor.page.evaluate(ALIVE) == []
