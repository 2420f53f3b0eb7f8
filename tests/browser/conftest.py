"""A server of its own, reached through a wire that can be cut, and people with browsers."""

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from llm.testing import FakeProvider
from tests.browser.visitor import Visitor
from tests.browser.wire import Wire

expect.set_options(timeout=15_000)  # two busy cores take longer than the stock five seconds
ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """Return the path of Chromium, or leave the test out by name (in CI that is a failure)."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        leave_out = pytest.fail if os.environ.get("REQUIRE_SERVICES") else pytest.skip
        leave_out("Chromium is not installed")
    return found


@pytest.fixture(scope="package")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an empty database of the kind that this run uses."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield f"sqlite:///{tmp_path_factory.mktemp('browser') / 'db.sqlite3'}"
        return
    base, name = url.rpartition("/")[0], f"test_browser_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(base.replace("postgres://", "postgresql://") + "/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{base}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="package")
def site(database: str, fake: FakeProvider) -> Iterator[str]:
    """Start the server as `make run` does, with both vendors answered by the fake."""
    chromium()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "ENV_FILE": "", "SECRET_KEY": uuid.uuid4().hex * 2, "DEBUG": "true", "DATABASE_URL": database,
        "REDIS_PREFIX": f"test-{port}", "REQUIRE_CONFIRMED_EMAIL": "false", "REGISTRATIONS_PER_HOUR": "100000",
        "EMAIL_URL": "locmem:", "MODERATION": "off", "DEFAULT_TOOLS": "all",
        "OPENAI_API_KEY": "sk-test", "GEMINI_API_KEY": "gm-test",
        "OPENAI_BASE_URL": fake.openai_base_url, "GEMINI_BASE_URL": fake.gemini_base_url,
        "DJANGO_SETTINGS_MODULE": "config.settings", "SITE_URL": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "serve", "--migrate", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    _await(url, server)
    yield url
    server.terminate()
    server.wait(30)


def _await(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None, "the server did not start"
        assert time.monotonic() < deadline, "the server does not answer"
        try:
            if httpx.get(f"{url}/readyz/").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def wire(site: str) -> Iterator[Wire]:
    """Return a connection to the server that can be cut and mended."""
    with Wire(int(site.rpartition(":")[2])) as made:
        yield made


@pytest.fixture
def opened(browser: Browser, site: str, fake: FakeProvider) -> Iterator[Callable[..., Visitor]]:
    """Return a maker of visitors; keyword arguments are those of a browser context."""
    fake.clear()
    contexts: list[BrowserContext] = []

    def make(url: str = site, **options: object) -> Visitor:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(opened: Callable[..., Visitor]) -> Iterator[Visitor]:
    """Return somebody who has registered and looks at a new chat; their browser must have nothing to complain of."""
    one = opened()
    one.register()
    yield one
    assert one.complaints == []
