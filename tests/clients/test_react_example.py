"""`examples/react/` as `npm run build` makes it, in real Chromium: register, chat, reload in a reply, stop."""

import functools
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from conftest import PASSWORD, Person
from tests.browser.conftest import FLAGS, chromium
from tests.clients.conftest import history, text_of
from tests.clients.install import EXAMPLE, environment, installed

SLOW = '!fake {"size": 600, "chunk": 6, "delay": 0.05}'


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(server: Any) -> str:
    """Return the server's address on the same site as the page: localhost, where the cookie is first-party."""
    return str(server.url).replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def built(node: str, address: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example for the server of this run."""
    chromium()
    if not installed(EXAMPLE):
        pytest.skip("examples/react is not installed: python tests/clients/install.py")
    target = tmp_path_factory.mktemp("react") / "dist"
    vite = EXAMPLE / "node_modules" / "vite" / "bin" / "vite.js"
    command = [node, str(vite), "build", "--outDir", str(target), "--emptyOutDir"]
    known = {**environment(node), "VITE_API": address}
    done = subprocess.run(command, cwd=EXAMPLE, env=known, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
def site(built: Path, live: str, settings: Any) -> Iterator[str]:
    """Serve the page, from an origin that the server allows."""
    handler = functools.partial(Quiet, directory=str(built))
    try:
        web = ThreadingHTTPServer(("127.0.0.1", 5173), handler)
    except OSError:  # the port is taken
        web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    url = f"http://localhost:{web.server_address[1]}"
    settings.CORS_ALLOWED_ORIGINS = [url]
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield url
    web.shutdown()
    web.server_close()
    thread.join(10)


@pytest.fixture
def page(site: str) -> Iterator[Page]:
    """Return a tab of a browser of its own; Playwright's loop must be gone when `live` closes its connection."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(base_url=site)
        context.set_default_timeout(15_000)
        yield context.new_page()
        browser.close()


@pytest.fixture
def somebody(page: Page, person: Any) -> Person:
    """Sign a registered person in."""
    one: Person = person()
    page.goto("/")
    enter(page, one.email, "Sign in")
    return one


def enter(page: Page, email: str, button: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_label("Message")).to_be_visible()


def send(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def reply(page: Page) -> Locator:
    return page.locator("article.assistant").last


def growing(page: Page) -> str:
    """Wait until some of a reply is shown and more has come, and return what was shown first."""
    expect(reply(page)).not_to_be_empty()
    first = shown(page)
    deadline = time.monotonic() + 15
    while shown(page) == first:
        assert time.monotonic() < deadline, "the reply does not grow"
        time.sleep(0.05)
    return first


def shown(page: Page) -> str:
    return reply(page).text_content() or ""


def ended(page: Page) -> None:
    expect(page.locator("main")).to_have_attribute("data-status", "ready", timeout=30_000)


def chat_of(page: Page) -> str:
    return page.url.partition("#")[2]


def test_register_and_talk(page: Page) -> None:
    page.goto("/")
    enter(page, f"p{uuid.uuid4().hex[:12]}@example.org", "Register")

    send(page, SLOW)
    assert len(growing(page)) < 600
    ended(page)

    assert len(shown(page)) == 600
    expect(page.get_by_role("region", name="Today").get_by_role("link")).to_have_count(1)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Register")).to_be_visible()


def test_reload_in_the_middle(page: Page, somebody: Person) -> None:
    send(page, SLOW)
    growing(page)
    page.reload()
    assert 0 < len(growing(page)) < 600
    expect(page.locator("article")).to_have_count(2)
    ended(page)

    stored = history(somebody, chat_of(page))
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert stored[1]["metadata"]["state"] == "complete"
    assert shown(page) == text_of(stored[1])
    assert page.locator("article").count() == 2

    page.reload()
    expect(reply(page)).to_have_text(text_of(stored[1]), use_inner_text=False)


def test_stop(page: Page, somebody: Person) -> None:
    send(page, SLOW)
    growing(page)
    page.get_by_role("button", name="Stop").click()
    expect(reply(page)).to_have_attribute("data-state", "stopped")
    ended(page)

    stored = history(somebody, chat_of(page))[-1]
    assert stored["metadata"]["state"] == "stopped"
    assert shown(page) == text_of(stored)
    assert 0 < len(text_of(stored)) < 600
