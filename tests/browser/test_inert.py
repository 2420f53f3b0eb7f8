"""Text of users and models never becomes anything but text."""

import pytest
from playwright.sync_api import expect

from llm.testing import FakeProvider
from tests.browser.visitor import Visitor

PROBES = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "[click](javascript:alert(1))",
    "<a href='javascript:alert(1)'>x</a>",
    '<div id="thread" hx-swap-oob="innerHTML">gone</div>',
    '<b hx-get="/" hx-trigger="load">x</b>',
    "![pixel](https://tracker.example/x.png)",
    "`<img src=x onerror=alert(1)>`",
    '"><img src=x onerror=alert(1)>',
    "</textarea><img src=x onerror=alert(1)>",
    "{{ request }}{% csrf_token %}",
)
ALIVE = """() => [...document.querySelectorAll("#thread *, #chat-list *, #title *")].filter((element) =>
    ["IMG", "SCRIPT", "IFRAME", "OBJECT", "STYLE", "LINK"].includes(element.tagName)
    || [...element.attributes].some((each) => each.name.startsWith("on") || /^\\s*javascript:/i.test(each.value))
    || (element.closest(".markdown, .bubble")
        && [...element.attributes].some((each) => /^(hx|ws|data-hx)-/.test(each.name)))
).map((element) => element.outerHTML)"""


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_probes_are_inert_while_they_arrive_and_afterwards(visitor: Visitor, fake: FakeProvider, chunk: int) -> None:
    text = "\n\n".join(PROBES)
    fake.script(text=text, chunk=chunk, delay=0.003)
    watched = visitor.page.evaluate_handle(
        "() => { const seen = []; const look = " + ALIVE + "; new MutationObserver(() => seen.push(...look()))"
        ".observe(document.body, { subtree: true, childList: true }); return seen; }"
    )

    visitor.write(text)
    expect(visitor.last).to_contain_text("csrf_token")
    visitor.done()

    assert watched.json_value() == []
    assert visitor.page.evaluate(ALIVE) == []
    expect(visitor.last).to_contain_text(PROBES[0])
    expect(visitor.questions).to_contain_text(PROBES[0])
    visitor.page.reload()
    visitor.connected()
    assert visitor.page.evaluate(ALIVE) == []
    expect(visitor.last).to_contain_text(PROBES[0])


@pytest.mark.parametrize("probe", PROBES[:3])
def test_titles_are_inert(visitor: Visitor, probe: str) -> None:
    visitor.say("Hello")
    visitor.page.get_by_label("Options of Hello").click()
    visitor.page.get_by_text("Rename").click()
    expect(visitor.page.get_by_label("New title")).to_be_focused()  # and its text is selected no more
    visitor.page.get_by_label("New title").fill(probe)

    visitor.page.get_by_role("button", name="Save", exact=True).click()

    expect(visitor.page.locator("#title")).to_have_text(probe)
    expect(visitor.page.locator("#chat-list .current > a")).to_have_text(probe)
    assert visitor.page.evaluate(ALIVE) == []
    visitor.page.reload()
    visitor.connected()
    assert visitor.page.evaluate(ALIVE) == []


def test_every_id_begins_with_a_letter(visitor: Visitor) -> None:
    visitor.say("Hello")

    ids = visitor.page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")

    assert len(ids) > 20
    assert [each for each in ids if not each[0].isalpha()] == []
    assert len(ids) == len(set(ids))
