"""Files on the page: chosen, pasted and dropped, shown while they are sent, asked about, and nobody else's."""

import base64
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from files.tests.conftest import pdf, picture
from llm.testing import FakeProvider
from tests.browser.visitor import Visitor

BRING = """(target, [event, name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type }));
    const about = { bubbles: true, cancelable: true, dataTransfer: carried, clipboardData: carried };
    target.dispatchEvent(event === "paste" ? new ClipboardEvent(event, about) : new DragEvent(event, about));
}"""


def choose(visitor: Visitor, name: str, data: bytes) -> None:
    visitor.page.locator("#upload").set_input_files({"name": name, "mimeType": "", "buffer": data})


def bring(target: Locator, event: str, name: str, data: bytes) -> None:
    """Paste or drop a file."""
    target.evaluate(BRING, [event, name, "", base64.b64encode(data).decode()])


def waiting(visitor: Visitor) -> Locator:
    return visitor.page.locator("#files .file")


def ready(visitor: Visitor, count: int) -> None:
    expect(waiting(visitor)).to_have_count(count)
    expect(visitor.page.locator("#files .file-size")).to_have_text([""] * count)


def is_drawn(image: Locator) -> None:
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("(each) => each.naturalWidth") > 0


def test_files_are_chosen_pasted_dropped_and_asked_about(
    visitor: Visitor, opened: Callable[..., Visitor], fake: FakeProvider
) -> None:
    page = visitor.page
    choose(visitor, "holiday.png", picture())
    bring(page.locator("#message"), "paste", "moss.txt", b"moss is green")
    bring(page.locator("main"), "drop", "report.pdf", pdf("A report on moss"))
    ready(visitor, 3)
    is_drawn(waiting(visitor).first.locator("img"))

    visitor.say("What is this?")

    expect(waiting(visitor)).to_have_count(0)
    asked = str(fake.requests("openai")[-1]["body"])
    assert "moss is green" in asked
    assert "A report on moss" in asked
    assert "data:image/jpeg;base64," in asked
    page.reload()
    shown = page.locator("article.question .file")
    expect(shown).to_have_count(3)
    is_drawn(shown.first.locator("img"))
    address = shown.first.get_attribute("href")
    stranger = opened()
    stranger.register()
    assert [each.page.request.get(str(address)).status for each in (visitor, stranger)] == [200, 404]


def test_how_far_an_upload_is_can_be_seen(visitor: Visitor) -> None:
    page = visitor.page
    page.evaluate("""() => {
        window.told = [];
        const sizes = () => document.querySelectorAll("#files .file-size");
        new MutationObserver(() => sizes().forEach((each) => told.push(each.textContent)))
            .observe(document.getElementById("files"), { subtree: true, childList: true, characterData: true });
    }""")
    choose(visitor, "long.txt", b"moss is green\n" * 100_000)
    ready(visitor, 1)

    told = page.evaluate("told")
    assert told[0] == "0 %"
    assert "100 %" in told


def test_what_is_refused_says_why_and_can_be_taken_away(opened: Callable[..., Visitor], fake: FakeProvider) -> None:
    visitor = opened()  # whose browser tells of the refusal
    visitor.register()
    choose(visitor, "a.zip", b"PK\x03\x04" + bytes(99))
    expect(visitor.page.locator("#files .file-size")).to_contain_text("are not taken")
    visitor.say("Without it")
    assert "PK" not in str(fake.requests("openai")[-1]["body"])

    choose(visitor, "b.zip", b"PK\x03\x04" + bytes(99))
    visitor.page.get_by_label("Remove b.zip").click()
    expect(waiting(visitor)).to_have_count(0)


def test_a_file_that_could_not_be_read_is_read_again(visitor: Visitor) -> None:
    page = visitor.page
    choose(visitor, "broken.pdf", b"%PDF-1.7 and nothing more")
    again = page.get_by_role("button", name="Read broken.pdf again")
    expect(again).to_be_visible()
    expect(page.locator("#files .file-size")).to_have_text("could not be read")

    with page.expect_response(lambda answer: answer.url.endswith("/extract/")) as answer:
        again.click()

    assert answer.value.status == 202
    expect(again).to_be_enabled()  # it has failed once more
