"""An app that was let in reaches the user's notes, within its scopes and nothing else."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accounts.tests.oauth_actors import App, Browser, gpt_action


@pytest.fixture
def person_and_app(live: str, settings: Any) -> Iterator[tuple[Browser, App]]:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    application, secret = gpt_action()
    browser, app = Browser(live).register(), App(live, application.client_id, secret)
    yield browser, app
    browser.http.close()
    app.http.close()


def notes(app: App, token: str, method: str = "GET", **options: Any) -> httpx.Response:
    return app.http.request(method, "/api/notes/", headers={"Authorization": f"Bearer {token}"}, **options)


def test_save_and_list_within_the_scopes(person_and_app: tuple[Browser, App]) -> None:
    browser, app = person_and_app
    everything = app.exchange(browser.allow(app)["code"]).json()["access_token"]
    reading = app.exchange(browser.allow(app, scope="notes:read")["code"]).json()["access_token"]
    body = {"content": "# Soup\n\nSalt last."}

    made = notes(app, everything, "POST", json=body)
    assert made.status_code == 201, made.text
    assert [note["id"] for note in notes(app, reading).json()["results"]] == [made.json()["id"]]

    refused = notes(app, reading, "POST", json=body)
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert 'scope="notes:write"' in refused.headers["WWW-Authenticate"]


def test_without_a_good_token_there_is_a_challenge(person_and_app: tuple[Browser, App]) -> None:
    _, app = person_and_app
    nobody = app.http.get("/api/notes/")
    wrong = notes(app, "parley-at-wrong")

    for answer in (nobody, wrong):
        assert answer.status_code == 401
        assert "/.well-known/oauth-protected-resource" in answer.headers["WWW-Authenticate"]
    assert "error=" not in nobody.headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]


def test_revocation_shuts_the_door_at_once(person_and_app: tuple[Browser, App]) -> None:
    browser, app = person_and_app
    tokens = app.exchange(browser.allow(app)["code"]).json()
    assert notes(app, tokens["access_token"]).status_code == 200

    app.revoke(tokens["refresh_token"])

    assert notes(app, tokens["access_token"]).status_code == 401


def test_a_token_for_mcp_does_not_open_the_notes_api(person_and_app: tuple[Browser, App]) -> None:
    browser, app = person_and_app
    from django.conf import settings

    code = browser.allow(app, resource=f"{settings.SITE_URL}/mcp")["code"]
    token = app.exchange(code).json()["access_token"]

    assert notes(app, token).status_code == 401
