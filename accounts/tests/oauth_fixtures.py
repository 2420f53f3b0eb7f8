"""A site that browsers can sign in to over plain http, people, and ChatGPT."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.tests.oauth_actors import App, Browser, gpt_action, public_client


@pytest.fixture
def site(live: str, settings: Any) -> str:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    return live


@pytest.fixture
def browsers(site: str) -> Iterator[Callable[[], Browser]]:
    """Return a maker of people who have an account."""
    made: list[Browser] = []

    def make() -> Browser:
        made.append(Browser(site))
        return made[-1].register()

    yield make
    for one in made:
        one.http.close()


@pytest.fixture
def browser(browsers: Callable[[], Browser]) -> Browser:
    return browsers()


@pytest.fixture
def apps(site: str) -> Iterator[Callable[..., App]]:
    """Return a maker of clients: `App`'s arguments but the address."""
    made: list[App] = []

    def make(*args: Any, **kwargs: Any) -> App:
        made.append(App(site, *args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.http.close()


@pytest.fixture
def chatgpt(apps: Callable[..., App]) -> App:
    application, secret = gpt_action()
    return apps(application.client_id, secret)


@pytest.fixture
def tool(apps: Callable[..., App]) -> App:
    """Return a public client, which needs PKCE."""
    redirect = "https://tool.example/back?from=parley&empty="
    return apps(public_client(redirect).client_id, redirect=redirect)
