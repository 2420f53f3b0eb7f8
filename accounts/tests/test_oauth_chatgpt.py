"""ChatGPT connects its action: no PKCE, an empty scope, both callback hosts, the secret in the body or the header."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as own

from accounts.models.tokens import hash_of
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import api_resource, grant_for, mcp_resource
from accounts.tests.oauth_actors import CALLBACKS, PASSWORD, App, Browser, gpt_action, sent_back


@pytest.mark.parametrize("redirect", CALLBACKS)
@pytest.mark.parametrize("basic", [False, True])
def test_from_consent_to_revocation(browser: Browser, apps: Callable[..., App], redirect: str, basic: bool) -> None:
    application, secret = gpt_action()
    gpt = apps(application.client_id, secret, redirect, basic=basic)

    page = browser.open(gpt)
    assert page.status_code == 200
    for words in (application.name, browser.email, "Read and search your notes", "Save, change and delete", "Deny"):
        assert words in page.text
    assert urlsplit(redirect).hostname in page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "form-action" not in page.headers["Content-Security-Policy"]  # browsers would hold the redirect to it
    assert page.headers["Cache-Control"] == "no-store"

    answer = browser.decide(page, "allow")
    assert answer.status_code == 302
    assert answer.headers["Location"].partition("?")[0] == redirect
    back = sent_back(answer)
    assert set(back) == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == (gpt.state, own.SITE_URL)

    first = gpt.exchange(back["code"])
    assert first.status_code == 200, first.text
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Cache-Control"] == "no-store"
    tokens = first.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert tokens["token_type"].lower() == "bearer"
    assert tokens["expires_in"] == own.OAUTH_ACCESS_SECONDS == 3600
    assert tokens["scope"] == "notes:read notes:write"
    grant = grant_for(tokens["access_token"], api_resource())
    assert grant is not None
    assert (grant.user.email, grant.client_name) == (browser.email, application.name)
    assert grant.scopes == {"notes:read", "notes:write"}

    second = gpt.refresh(tokens["refresh_token"]).json()
    assert second["refresh_token"] != tokens["refresh_token"]
    assert second["scope"] == "notes:read notes:write"
    assert grant_for(tokens["access_token"], api_resource()) is None
    assert grant_for(second["access_token"], api_resource()) is not None

    assert gpt.revoke(second["refresh_token"]).status_code == 200
    assert grant_for(second["access_token"], api_resource()) is None
    assert gpt.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_signed_out_people_sign_in_first_and_come_back(browser: Browser, chatgpt: App) -> None:
    browser.http.cookies.clear()

    away = browser.open(chatgpt)
    assert away.status_code == 302
    assert away.headers["Location"].startswith("/accounts/sign-in/?next=/oauth/authorize/")
    form = browser.http.get(away.headers["Location"])
    back = browser.submit(form, "/accounts/sign-in/", email=browser.email, password=PASSWORD,
                          next=browser.fields(form, "")["next"])  # fmt: skip
    page = browser.http.get(back.headers["Location"])

    assert page.status_code == 200
    assert browser.email in page.text
    code = sent_back(browser.decide(page, "allow"))
    assert code["state"] == chatgpt.state
    assert chatgpt.exchange(code["code"]).status_code == 200


def test_denial_is_sent_back(browser: Browser, chatgpt: App) -> None:
    answer = browser.decide(browser.open(chatgpt), "deny")

    assert answer.status_code == 302
    back = sent_back(answer)
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", chatgpt.state, own.SITE_URL)
    assert "code" not in back


def test_consent_is_asked_each_time(browser: Browser, chatgpt: App) -> None:
    chatgpt.exchange(browser.allow(chatgpt)["code"])

    assert browser.open(chatgpt).status_code == 200


def test_a_query_of_the_redirect_uri_survives(browser: Browser, tool: App) -> None:
    for answer in ("allow", "deny"):
        sent = browser.decide(browser.open(tool, **tool.pkce()), answer)
        query = parse_qs(urlsplit(sent.headers["Location"]).query, keep_blank_values=True)
        assert query["from"] == ["parley"]
        assert query["empty"] == [""]
        assert query["state"] == [tool.state]


def test_one_scope_alone(browser: Browser, chatgpt: App) -> None:
    page = browser.open(chatgpt, scope="notes:read")
    assert "Save, change and delete" not in page.text

    tokens = chatgpt.exchange(browser.allow(chatgpt, scope="notes:read")["code"]).json()

    assert tokens["scope"] == "notes:read"
    assert chatgpt.refresh(tokens["refresh_token"], scope="notes:write").json()["error"] == "invalid_scope"
    grant = grant_for(tokens["access_token"], api_resource())
    assert grant is not None
    assert grant.scopes == {"notes:read"}


def test_a_smaller_access_token_does_not_shrink_the_grant(browser: Browser, chatgpt: App) -> None:
    first = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()

    small = chatgpt.refresh(first["refresh_token"], scope="notes:read").json()
    assert small["scope"] == "notes:read"
    assert chatgpt.refresh(small["refresh_token"]).json()["scope"] == "notes:read notes:write"


def test_the_tokens_of_an_action_are_for_the_rest_api_alone(browser: Browser, chatgpt: App) -> None:
    access = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()["access_token"]

    assert grant_for(access, api_resource()) is not None
    assert grant_for(access, mcp_resource()) is None


def test_nothing_that_could_be_used_is_stored(browser: Browser, chatgpt: App) -> None:
    from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

    code = browser.allow(chatgpt)["code"]
    assert not Grant.objects.filter(code=code).exists()
    assert AppGrant.objects.filter(code_hash=hash_of(code)).exists()
    tokens = chatgpt.exchange(code).json()
    for kind, name in ((AccessToken, "access_token"), (RefreshToken, "refresh_token")):
        row = kind.objects.get(token_checksum=hash_of(tokens[name]))
        assert row.token == ""
    stored = Application.objects.get(client_id=chatgpt.client_id).client_secret
    assert chatgpt.secret not in stored
    assert "$" in stored
