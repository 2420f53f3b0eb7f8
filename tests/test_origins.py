"""What a browser says of another site is weighed wherever a cookie lets in: forms, the admin, the API, sockets."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import resolve
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.api.base import CookieView
from accounts.models import User
from chats.routing import websocket_urlpatterns
from chats.tests.routes import example, routes
from common.view_options import options_of
from conftest import Person

CSRF = "c" * 32
EVIL, LISTED = "https://evil.example", "http://localhost:5173"
FOREIGN: list[dict[str, str]] = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "own, https://evil.example"},
    {"Referer": f"{EVIL}/page"},
    {"Referer": "no address"},
    {"Referer": "own/, https://evil.example/"},
    {"Referer": "http://[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "same-origin", "Referer": f"{EVIL}/"},
    {"Sec-Fetch-Site": "same-origin", "Origin": EVIL},
    {"Sec-Fetch-Site": "cross-site", "Origin": "own"},
    {"Sec-Fetch-Site": "cross-site", "Referer": "own/page"},
]
OWN: list[dict[str, str]] = [
    {},
    {"Origin": "own"},
    {"Referer": "own/page?a=1,2"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "own", "Referer": "own/page"},
]
OF_LISTED: list[dict[str, str]] = [
    {"Origin": LISTED},
    {"Referer": f"{LISTED}/page"},
    {"Origin": LISTED, "Sec-Fetch-Site": "same-site"},
    {"Origin": LISTED, "Sec-Fetch-Site": "cross-site"},
]


def said(live: str, evidence: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("own", live) for name, value in evidence.items()}


def by_cookie() -> Iterator[tuple[str, bool]]:
    """Yield every address that takes a POST by cookie, and whether it is of the API."""
    for route in routes():
        path = example(route.path)
        view = resolve(path).func
        is_api = isinstance(route.view, type) and issubclass(route.view, CookieView)
        is_form = not getattr(view, "csrf_exempt", False) and not options_of(view).async_lane
        if is_api or is_form:
            yield path, is_api


ADDRESSES = sorted(set(by_cookie()))


@pytest.fixture
def browser(alice: Person, live: str) -> Iterator[httpx.Client]:
    """Return a superuser's browser, with a form's token; it signs out only when it may."""
    user = User.objects.get(pk=alice.id)
    user.is_staff = user.is_superuser = True
    user.save()
    signed_in = Client()
    signed_in.force_login(user, "accounts.backends.EmailBackend")
    name = django_settings.SESSION_COOKIE_NAME
    cookie = f"{name}={signed_in.cookies[name].value}; csrftoken={CSRF}"
    with httpx.Client(base_url=live, headers={"Cookie": cookie, "X-CSRFToken": CSRF}) as client:
        yield client


def test_what_speaks_of_another_site_is_refused_at_every_address(browser: httpx.Client, live: str) -> None:
    assert len(ADDRESSES) > 60
    let_in = [
        (path, evidence)
        for path, _ in ADDRESSES
        for evidence in FOREIGN
        if browser.post(path, headers=said(live, evidence)).status_code != 403
    ]

    assert let_in == []


@pytest.mark.parametrize("evidence", OWN)
def test_our_own_pages_and_programs_are_let_in(browser: httpx.Client, live: str, evidence: dict[str, str]) -> None:
    for path in ("/accounts/profile/", "/admin/accounts/user/", "/api/token/refresh/", "/api/logout/"):
        assert browser.post(path, headers=said(live, evidence)).status_code != 403, path


def test_listed_front_ends_are_let_in_by_the_api_only(browser: httpx.Client) -> None:
    for path, is_api in ADDRESSES:
        for evidence in OF_LISTED:
            status = browser.post(path, headers=evidence).status_code
            assert (status == 403) != is_api, path


def handshake(live: str, path: str, headers: dict[str, str]) -> int:
    try:
        with connect(live.replace("http", "ws") + path, additional_headers=headers):
            return 101
    except InvalidStatus as refusal:
        return int(refusal.response.status_code)


def test_sockets(live: str, alice: Person, browser: httpx.Client) -> None:
    paths = [example(f"/{pattern.pattern}") for pattern in websocket_urlpatterns]
    for path in paths:
        for evidence in FOREIGN:
            headers: dict[str, Any] = {"Cookie": browser.headers["Cookie"], **said(live, evidence)}
            assert handshake(live, path, headers) == 403, (path, evidence)
    for evidence in OWN:
        assert handshake(live, "/ws/chats/", said(live, evidence)) == 101
    page = f"/ws/chats/{alice.chat()}/page/"
    for evidence in OWN:
        assert handshake(live, page, {"Cookie": browser.headers["Cookie"], **said(live, evidence)}) == 101
    for evidence in OF_LISTED:  # they may open sockets, and cookies do not sign them in
        assert handshake(live, page, {"Cookie": browser.headers["Cookie"], **evidence}) == 403
