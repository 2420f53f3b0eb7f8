"""`make screenshots`: the pictures of README and docs, taken of a server on an empty database with the demo model."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, ROOT, chromium

IMAGES = ROOT / "docs" / "images"
MAX_BYTES = 150_000
QUESTIONS = ("Plan a weekend in Lisbon", "Explain how rainbows form", "How do I sort dictionaries in Python?")
TOOL = 'Save a note with save_note: "Pastéis de Belém, Saturday at nine"'
PASSWORD = "correct horse battery 9"


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "ENV_FILE": "", "SECRET_KEY": uuid.uuid4().hex * 2, "DEBUG": "true", "SITE_URL": url,
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "REDIS_URL": "", "EMAIL_URL": "locmem:",
            "REQUIRE_CONFIRMED_EMAIL": "false", "DEMO_DELAY": "0.005", "DEFAULT_TOOLS": "all",
        }  # fmt: skip
        command = [sys.executable, "manage.py", "serve", "--migrate", "--port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            _await(url)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
                _take_all(browser, url)
                browser.close()
        finally:
            server.terminate()
            server.wait(30)


def _await(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(f"{url}/readyz/")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server does not answer")


def _take_all(browser: Browser, url: str) -> None:
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = context.new_page()
    page.goto("/")
    _take(page, "welcome")
    page.goto("/accounts/register/")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    for question in QUESTIONS:
        page.goto("/")
        page.locator("#message").fill(question)
        page.locator("#message").press("Enter")
        expect(page.locator(".thumbs")).to_be_visible()
    _take(page, "chat")
    page.get_by_label("Dark or light").click()
    _take(page, "chat-dark")
    page.set_viewport_size({"width": 390, "height": 780})
    _take(page, "chat-phone")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_label("Dark or light").click()
    page.goto("/")
    page.locator("#message").fill(TOOL)
    page.locator("#message").press("Enter")
    expect(page.locator(".card")).to_be_visible()
    _take(page, "chat-tool")


def _take(page: Page, name: str) -> None:
    path = Path(IMAGES / f"{name}.png")
    page.wait_for_timeout(400)  # the drawer and the theme settle
    page.screenshot(path=path)
    assert path.stat().st_size <= MAX_BYTES, f"{path} is too large"


if __name__ == "__main__":
    main()
