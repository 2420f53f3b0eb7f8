"""An app is let in with a real browser: form policies, redirects and history are its own."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visitor import PASSWORD, Visitor

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "browser" / "axe-core" / "axe.min.js"
GPT = "g-browser"
CALLBACK = f"https://chatgpt.com/aip/{GPT}/oauth/callback"
NAME = "Recipe helper " + "W" * 100  # too long for a phone
STATE = "st/at+e=&1"


@pytest.fixture(scope="module")
def client_id(site: str, database: str) -> str:
    """Make ChatGPT's client in the server's database."""
    environment = {
        **os.environ, "ENV_FILE": "", "SECRET_KEY": "x" * 60, "DEBUG": "true", "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "config.settings", "SITE_URL": site,
    }  # fmt: skip
    command = [sys.executable, "manage.py", "create_gpt_action", "--name", NAME, "--gpt-id", GPT]
    printed = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Client ID: +(\S+)", printed)
    assert found
    return found[1]


def request(client_id: str) -> str:
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "state": STATE, "scope": ""}
    return f"/oauth/authorize/?{urlencode(asked)}"


def chatgpt_of(page: Page) -> list[str]:
    """Stand in for chatgpt.com in this browser; return the addresses that it was sent to."""
    arrived: list[str] = []

    def answer(route: Route) -> None:
        arrived.append(route.request.url)
        route.fulfill(status=200, content_type="text/html", body="<title>ChatGPT</title>back")

    page.context.route("https://chatgpt.com/**", answer)
    return arrived


def sent(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.mark.parametrize(("button", "has", "lacks"), [("Allow", "code", "error"), ("Deny", "error", "code")])
def test_the_answer_reaches_the_app(visitor: Visitor, client_id: str, button: str, has: str, lacks: str) -> None:
    page, arrived = visitor.page, chatgpt_of(visitor.page)
    page.goto(request(client_id))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Connect Recipe helper W")
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/consent-{button}.png", full_page=True)

    page.get_by_role("button", name=button, exact=True).click()

    expect(page).to_have_title("ChatGPT")
    assert len(arrived) == 1
    back = sent(arrived[0])
    assert back["state"] == STATE
    assert has in back
    assert lacks not in back


def test_signing_in_on_the_way(opened: Callable[..., Visitor], client_id: str) -> None:
    one = opened()
    one.register()
    one.page.goto("/accounts/profile/")
    email = one.page.locator("main p").first.inner_text().split()[0]
    one.page.context.clear_cookies()
    arrived = chatgpt_of(one.page)

    one.page.goto(request(client_id))
    one.page.get_by_label("E-mail address").fill(email)
    one.page.get_by_label("Password").fill(PASSWORD)
    one.page.get_by_role("button", name="Sign in").click()
    expect(one.page.locator("main")).to_contain_text(email)
    one.page.get_by_role("button", name="Allow").click()

    expect(one.page).to_have_title("ChatGPT")
    assert sent(arrived[0])["state"] == STATE
    assert one.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_consent_page_is_accessible(opened: Callable[..., Visitor], client_id: str, scheme: str) -> None:
    one = opened(viewport={"width": 360, "height": 640}, color_scheme=scheme)
    one.register()
    one.page.goto(request(client_id))

    if folder := os.environ.get("SCREENSHOTS"):
        one.page.screenshot(path=f"{folder}/consent-{scheme}-phone.png", full_page=True)
    one.page.evaluate(AXE.read_text())
    found = one.page.evaluate("axe.run().then(result => result.violations.map(one => one.id))")
    assert found == []
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_refusal_is_a_page(visitor: Visitor, client_id: str) -> None:
    answer = visitor.page.goto(request(client_id).replace("chatgpt.com", "evil.example"))

    assert answer is not None
    assert answer.status == 400
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("This app cannot be connected")
    if folder := os.environ.get("SCREENSHOTS"):
        visitor.page.screenshot(path=f"{folder}/refused.png")
    visitor.complaints.clear()  # browsers complain of the 400 itself


def test_the_page_of_apps(visitor: Visitor) -> None:
    visitor.page.goto("/accounts/profile/")
    visitor.page.get_by_role("link", name="Connected apps").click()

    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Connected apps")
