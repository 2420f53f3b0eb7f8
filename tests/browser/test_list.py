"""The list of chats."""

from playwright.sync_api import expect

from tests.browser.visitor import Visitor


def start_chat(visitor: Visitor, text: str) -> None:
    visitor.page.goto("/")
    visitor.connected()
    visitor.say(text)


def options(visitor: Visitor, title: str) -> None:
    visitor.page.get_by_label(f"Options of {title}").click()


def test_chats_are_found_by_their_titles(visitor: Visitor) -> None:
    start_chat(visitor, "Apples and pears")
    start_chat(visitor, "Trains to Lisbon")
    rows = visitor.page.locator("#chat-list ul:not(.found) li > a")
    expect(rows).to_have_text(["Trains to Lisbon", "Apples and pears"])

    visitor.page.get_by_label("Search chats").fill("apples")

    expect(rows).to_have_text(["Apples and pears"])
    visitor.page.get_by_label("Search chats").fill("")
    expect(rows).to_have_count(2)
    expect(visitor.page.locator("#chat-list h2")).to_have_text("Today")


def test_every_chat_is_reached_from_the_newest_to_the_very_first(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("The newest")
    made = page.evaluate("""async () => {
      const titles = [];
      for (let number = 0; number < 120; number++) {
        const form = new FormData(document.getElementById("composer"));
        form.set("message", `Chat ${number}`);
        form.set("key", `k-${number}-${Date.now()}`);
        const id = crypto.randomUUID ? crypto.randomUUID() : null;
        titles.push(`Chat ${number}`);
        const answer = await fetch(`/chats/${id}/send/`, { method: "POST", body: form });
        if (!answer.ok) throw new Error(answer.status);
      }
      return titles;
    }""")
    page.reload()
    seen = set(page.locator("#chat-list li > a").all_inner_texts())

    while page.get_by_role("link", name="Older chats").count():
        before = page.locator("#chat-list li > a").first.inner_text()
        page.get_by_role("link", name="Older chats").click()
        expect(page.locator("#chat-list li > a").first).not_to_have_text(before)
        seen |= set(page.locator("#chat-list li > a").all_inner_texts())

    assert seen == {"The newest", *made}
    page.get_by_role("link", name="Back to the newest chats").click()
    expect(page.locator("#chat-list h2").first).to_have_text("Today")


def test_a_chat_is_renamed_pinned_archived_brought_back_and_deleted(visitor: Visitor) -> None:
    page = visitor.page
    start_chat(visitor, "Plain")
    options(visitor, "Plain")
    page.get_by_text("Rename").click()
    expect(page.get_by_label("New title")).to_be_focused()
    page.get_by_label("New title").fill("Splendid")
    page.get_by_label("New title").press("Enter")
    expect(page.locator("#title")).to_have_text("Splendid")
    expect(page).to_have_title("Splendid – Parley")

    options(visitor, "Splendid")
    page.get_by_role("button", name="Pin").click()
    expect(page.locator("#chat-list h2")).to_have_text("Pinned")

    options(visitor, "Splendid")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("#chat-list li")).to_have_count(0)

    page.locator(".account > summary").click()
    page.get_by_role("link", name="Archived chats").click()
    options(visitor, "Splendid")
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator("#chat-list h2")).to_have_text("Pinned")

    options(visitor, "Splendid")
    page.locator("#chat-list").get_by_text("Delete", exact=True).first.click()
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_title("New chat – Parley")
    expect(page.locator("#chat-list li")).to_have_count(0)
