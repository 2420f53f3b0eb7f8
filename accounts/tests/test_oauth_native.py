"""Apps on people's own machines: redirects to loopback and to schemes of their own (RFC 8252), with PKCE alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import Application

from accounts.models import User
from accounts.tests.links import token_in
from accounts.tests.oauth_actors import App, Browser, gpt_action, public_client, sent_back
from common.testing import run_due_tasks

HOSTS = ["127.0.0.1", "[::1]", "localhost"]
SCHEMES = ["com.example.app:/cb", "com.example.app://cb", "org.example.notes:/oauth/back"]
NOT_OURS = [
    "http://127.0.0.1.evil.example:7777/cb", "http://localhost.evil.example/cb", "http://localhost@evil.example/cb",
    "http://127.0.0.1:7777/other", "http://127.0.0.1:7777/cb?x=1", "https://127.0.0.1:7777/cb",
    "http://127.0.0.2:7777/cb", "com.example.other:/cb", "javascript:alert(1)", "http://127.0.0.1:99999999/cb",
]  # fmt: skip


@pytest.fixture
def native(apps: Callable[..., App]) -> Callable[..., App]:
    return lambda registered, used: apps(public_client(*registered.split()).client_id, redirect=used)


def connects(browser: Browser, app: App, **changes: Any) -> dict[str, str]:
    """Let an app in, fetch its tokens, and return what it was sent."""
    answer = browser.decide(browser.open(app, **app.pkce(), **changes), "allow")
    assert answer.headers["Location"].startswith(app.redirect + "?")
    back = sent_back(answer)
    assert app.exchange(back["code"], code_verifier=app.verifier).status_code == 200
    return back


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port", [":1024", ":61234", ""])
def test_loopback_takes_any_port(browser: Browser, native: Callable[..., App], host: str, port: str) -> None:
    connects(browser, native(f"http://{host}:7777/cb", f"http://{host}{port}/cb"))
    connects(browser, native(f"http://{host}/cb", f"http://{host}{port}/cb"))


@pytest.mark.parametrize("address", SCHEMES)
def test_an_app_is_sent_back_to_its_own_scheme(browser: Browser, native: Callable[..., App], address: str) -> None:
    app = native(address, address)

    assert "com.example" in browser.open(app, **app.pkce()).text or "org.example" in address
    connects(browser, app)


@pytest.mark.parametrize("address", NOT_OURS)
def test_other_addresses_are_not_found_right(browser: Browser, native: Callable[..., App], address: str) -> None:
    app = native("http://127.0.0.1:7777/cb http://localhost/cb com.example.app:/cb", address)

    page = browser.open(app, **app.pkce())

    assert page.status_code in (400, 401)
    assert "Location" not in page.headers


@pytest.mark.parametrize("address", ["com.example.app:/cb", "http://app.example/cb", "myapp:/cb"])
def test_a_registered_address_of_a_wrong_kind_is_none(browser: Browser, apps: Callable[..., App], address: str) -> None:
    application, secret = gpt_action()
    application.redirect_uris = address
    application.save()
    app = apps(application.client_id, secret, redirect=address)

    assert browser.open(app, **app.pkce()).status_code in (400, 401)


def test_state_may_be_absent_where_pkce_is_there(browser: Browser, tool: App, chatgpt: App) -> None:
    tool.redirect = "https://tool.example/back?from=parley&empty="
    answer = browser.decide(browser.open(tool, state=None, **tool.pkce()), "allow")
    assert "state" not in sent_back(answer)
    denied = browser.decide(browser.open(tool, state=None, **tool.pkce()), "deny")
    assert sent_back(denied)["error"] == "access_denied"
    assert "state" not in sent_back(denied)
    assert browser.open(chatgpt, state=None).status_code == 400


def test_who_must_confirm_first_comes_back_to_the_question(
    browser: Browser, tool: App, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.REQUIRE_CONFIRMED_EMAIL = True
    refused = browser.open(tool, **tool.pkce())
    assert refused.status_code == 403
    browser.submit(refused, "/accounts/resend/")
    run_due_tasks()

    link = browser.http.get("/accounts/confirm/", params={"token": token_in(mailoutbox[-1])})
    answer = browser.submit(link, "/accounts/confirm/", token=token_in(mailoutbox[-1]))

    assert answer.headers["Location"] == str(refused.url.raw_path, "ascii")
    assert browser.email in browser.http.get(answer.headers["Location"]).text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "address", "taken"),
    [
        ("public", "com.example.app:/cb http://127.0.0.1/cb http://localhost:1/cb https://x.example/cb", True),
        ("confidential", "com.example.app:/cb", False), ("public", "myapp:/cb", False),
        ("public", "http://app.example/cb", False), ("confidential", "http://127.0.0.1/cb", True),
    ],
)  # fmt: skip
def test_staff_register_what_apps_need(kind: str, address: str, taken: bool) -> None:
    root = User.objects.create_superuser("root-of-apps@example.org", "x")
    browser = Client()
    browser.force_login(root, "accounts.backends.EmailBackend")

    answer = browser.post("/admin/oauth2_provider/application/add/",
                          {"name": "Native", "client_type": kind, "redirect_uris": address})  # fmt: skip

    assert (answer.status_code == 302) == taken, answer.content.decode()
    assert Application.objects.filter(redirect_uris=address, name="Native").exists() == taken
