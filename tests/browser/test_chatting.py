"""From registration to a stored reply, and everything one does with replies."""

from collections.abc import Callable

from playwright.sync_api import expect

from llm.testing import FakeProvider
from tests.browser.visitor import Visitor

TEXT = "First paragraph.\n\nSecond **paragraph** with `code`.\n\n- one\n- two\n\nThe end."


def test_from_registration_to_the_first_streamed_reply(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text=TEXT, chunk=4, delay=0.1)

    visitor.write("Hello there, what is this?")

    expect(visitor.questions).to_have_text("Hello there, what is this?")
    expect(visitor.last).to_contain_text("First paragraph.")
    expect(visitor.page.locator("#state")).to_have_attribute("data-busy", "yes")  # text is there before the end is
    visitor.done()
    expect(visitor.last.locator("strong")).to_have_text("paragraph")
    expect(visitor.last.locator("li")).to_have_count(2)
    expect(visitor.page).to_have_title("Hello there, what is this – Parley")
    expect(visitor.page.locator("#chat-list .current")).to_contain_text("Hello there, what is this")
    assert "/chats/" in visitor.page.url
    expect(visitor.page.locator("#message")).to_have_value("")


def test_a_reload_in_the_middle_shows_what_was_there_and_goes_on(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text=TEXT, chunk=2, delay=0.06)
    visitor.write("Tell me")
    expect(visitor.last).to_contain_text("First")

    visitor.page.reload()

    expect(visitor.last).to_contain_text("First")
    expect(visitor.page.locator("#state")).to_have_attribute("data-busy", "yes")
    visitor.done()
    expect(visitor.last).to_contain_text("The end.")
    expect(visitor.replies).to_have_count(1)


def test_a_second_tab_follows_live(visitor: Visitor, fake: FakeProvider) -> None:
    visitor.say("First")
    fake.script(text=TEXT, chunk=2, delay=0.06)
    second = Visitor(visitor.page.context.new_page())
    second.page.goto(visitor.page.url)
    second.connected()

    visitor.write("Second")

    expect(second.questions.last).to_have_text("Second")
    expect(second.last).to_contain_text("First paragraph.")
    expect(second.page.locator("#state")).to_have_attribute("data-busy", "yes")
    second.done()
    expect(second.last).to_contain_text("The end.")
    expect(second.replies).to_have_count(2)


def test_stop_keeps_the_text_and_continue_goes_on_from_it(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="word " * 400, chunk=5, delay=0.05)
    visitor.write("Count")
    expect(visitor.last).to_contain_text("word")

    visitor.page.get_by_role("button", name="Stop").click()

    visitor.done()
    expect(visitor.replies.last).to_contain_text("Stopped.")
    kept = visitor.last.inner_text()
    fake.script(text="and on")
    visitor.page.get_by_role("button", name="Continue").click()
    expect(visitor.last).to_contain_text("and on")
    assert visitor.last.inner_text().startswith(kept[:20])
    expect(visitor.replies.last.locator(".branch")).to_have_text("2/2")


def test_regenerate_keeps_both_answers_and_the_branch_can_be_switched(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="The first answer.")
    visitor.say("Which?")
    fake.script(text="The second answer.")

    visitor.page.get_by_role("button", name="Another answer").click()

    expect(visitor.last).to_have_text("The second answer.")
    visitor.done()
    expect(visitor.replies).to_have_count(1)
    expect(visitor.replies.last.locator(".branch")).to_have_text("2/2")
    visitor.page.get_by_role("button", name="Previous version").click()
    expect(visitor.last).to_have_text("The first answer.")
    expect(visitor.replies.last.locator(".branch")).to_have_text("1/2")
    visitor.page.reload()
    expect(visitor.last).to_have_text("The first answer.")


def test_editing_a_question_makes_a_branch(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="About cats.")
    visitor.say("Cats")
    fake.script(text="About dogs.")

    visitor.page.locator("article.question").hover()
    visitor.page.locator(".edit summary").click()
    visitor.page.get_by_label("Edit your message").fill("Dogs")
    visitor.page.locator(".edit-form").get_by_role("button", name="Send").click()

    expect(visitor.last).to_have_text("About dogs.")
    expect(visitor.questions).to_have_text("Dogs")
    visitor.page.locator("article.question").get_by_role("button", name="Previous version").click()
    expect(visitor.questions).to_have_text("Cats")
    expect(visitor.last).to_have_text("About cats.")


def test_an_error_is_a_bubble_and_trying_again_helps(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(status=400)
    visitor.write("Fail, please")
    expect(visitor.replies.last.get_by_role("alert")).to_contain_text("refused")
    fake.script(text="All is well.")

    visitor.page.get_by_role("button", name="Try again").click()

    expect(visitor.last).to_have_text("All is well.")
    visitor.done()
    visitor.say("Next")  # the page is alive
    expect(visitor.replies).to_have_count(2)


def test_an_error_in_the_middle_keeps_the_text(visitor: Visitor, fake: FakeProvider) -> None:
    fake.script(text="Some words that came before it broke", chunk=5, cut_after=4)

    visitor.write("Break")

    expect(visitor.replies.last.get_by_role("alert")).to_contain_text("Try again")
    expect(visitor.last).to_contain_text("Some words")
    expect(visitor.page.get_by_role("button", name="Continue")).to_be_visible()


def test_code_is_coloured_and_can_be_copied(visitor: Visitor, fake: FakeProvider) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    fake.script(text="Look:\n\n```python\ndef f(x):\n    return x < 1\n```\n\nDone.", chunk=3, delay=0.01)
    visitor.say("Code")
    expect(visitor.last.locator("figure .t-k").first).to_have_text("def")

    visitor.last.get_by_role("button", name="Copy").click()

    expect(visitor.page.locator("#announce")).to_have_text("Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == "def f(x):\n    return x < 1\n"


def test_thumbs_are_kept(visitor: Visitor) -> None:
    visitor.say("Hello")

    visitor.page.get_by_role("button", name="Good answer").click()

    expect(visitor.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    visitor.page.reload()
    expect(visitor.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


def test_the_model_can_be_chosen_and_is_remembered(visitor: Visitor) -> None:
    visitor.page.get_by_label("Model").select_option("gemini/gemini-3.8-flash")
    visitor.say("Hello")

    expect(visitor.replies.last.locator(".model-name")).to_have_text("gemini-3.8-flash")
    visitor.page.reload()
    expect(visitor.page.get_by_label("Model")).to_have_value("gemini/gemini-3.8-flash")


def test_two_people_do_not_see_each_other(opened: Callable[..., Visitor]) -> None:
    alice, bob = opened(), opened()
    alice.register()
    bob.register()
    alice.say("A secret")

    answer = bob.page.goto(alice.page.url)

    assert answer is not None
    assert answer.status == 404
    expect(bob.page.locator("body")).not_to_contain_text("A secret")
