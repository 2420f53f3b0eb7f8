"""Whatever ends the other ways in ends grants at once, and so do their owner and their app."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import api_resource, grant_for
from accounts.services.deletion import delete_account
from accounts.services.mail_tokens import Purpose, issue
from accounts.services.passwords import reset
from accounts.tests.oauth_actors import PASSWORD, App, Browser, Printed

NEW = "another good phrase 7"


def change_password(browser: Browser, user: User) -> None:
    page = browser.http.get("/accounts/password/")
    answer = browser.submit(page, "/accounts/password/", old_password=PASSWORD, new_password=NEW)
    assert answer.status_code == 302


def reset_password(browser: Browser, user: User) -> None:
    reset(issue(user.actor, Purpose.RESET, user.email), NEW)


def deactivate(browser: Browser, user: User) -> None:
    call_command("deactivate", user.email, stdout=Printed())


def deactivate_silently(browser: Browser, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(browser: Browser, user: User) -> None:
    delete_account(user.pk)


def log_out_everywhere(browser: Browser, user: User) -> None:
    browser.submit(browser.http.get("/accounts/devices/"), "/accounts/devices/end/")


def revoke_on_the_page(browser: Browser, user: User) -> None:
    page = browser.http.get("/accounts/apps/")
    answer = browser.submit(page, f"/accounts/apps/{AppGrant.objects.get(user=user).pk}/end/")
    assert answer.status_code == 302


WAYS = [
    change_password,
    reset_password,
    deactivate,
    deactivate_silently,
    delete,
    log_out_everywhere,
    revoke_on_the_page,
]


@pytest.mark.parametrize("way", WAYS)
def test_everything_ends(browser: Browser, chatgpt: App, way: Callable[[Browser, User], None]) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    user = User.objects.get(email=browser.email)
    code = browser.allow(chatgpt)["code"] if way is not revoke_on_the_page else "none"
    assert grant_for(tokens["access_token"], api_resource()) is not None

    way(browser, user)

    assert grant_for(tokens["access_token"], api_resource()) is None
    assert chatgpt.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert chatgpt.exchange(code).json()["error"] == "invalid_grant"
    if way is not deactivate_silently:
        assert not AccessToken.objects.filter(user=user.pk).exists()
        assert not RefreshToken.objects.filter(user=user.pk).exists()


def test_an_ordinary_sign_out_ends_no_grant(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()

    browser.submit(browser.http.get("/accounts/apps/"), "/accounts/sign-out/")

    assert grant_for(tokens["access_token"], api_resource()) is not None


def test_a_consent_page_left_open_grants_nothing_after_the_session_ended(browser: Browser, chatgpt: App) -> None:
    page = browser.open(chatgpt)
    user = User.objects.get(email=browser.email)
    user.secure("signed_out_everywhere")

    answer = browser.decide(page, "allow")

    assert answer.headers.get("Location", "").startswith("/accounts/sign-in/") or answer.status_code == 403
    assert not AppGrant.objects.filter(user=user).exists()


def parallel(*calls: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(len(calls)) as pool:
        for found in [pool.submit(in_thread, call) for call in calls]:
            found.result()


def in_thread(call: Callable[[], Any]) -> None:
    try:
        call()
    finally:
        connection.close()


def test_no_grant_slips_through_while_everything_ends(browsers: Callable[[], Browser], chatgpt: App) -> None:
    for _ in range(4):
        one = browsers()
        page, user = one.open(chatgpt), User.objects.get(email=one.email)
        tokens = chatgpt.exchange(one.allow(chatgpt)["code"]).json()
        parallel(
            partial(one.decide, page, "allow"),
            partial(user.secure, "signed_out_everywhere"),
            partial(chatgpt.refresh, tokens["refresh_token"]),
        )

        assert not AppGrant.objects.alive().filter(user=user).exists()
        assert not AccessToken.objects.filter(user=user).exists()
        assert not RefreshToken.objects.filter(user=user).exists()


def test_revocation_by_the_app(browser: Browser, chatgpt: App) -> None:
    for name in ("access_token", "refresh_token"):
        for hint in (None, "access_token", "refresh_token", "nonsense"):
            tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
            answer = chatgpt.revoke(tokens[name], token_type_hint=hint)
            assert answer.status_code == 200, answer.text
            assert answer.headers["Cache-Control"] == "no-store"
            assert grant_for(tokens["access_token"], api_resource()) is None
            assert chatgpt.refresh(tokens["refresh_token"]).status_code == 400
            assert chatgpt.revoke(tokens[name]).status_code == 200  # once more, or unknown


def test_revocation_needs_the_client(browser: Browser, chatgpt: App, apps: Callable[..., App]) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()

    for wrong in (apps(chatgpt.client_id, "wrong"), apps(chatgpt.client_id), apps("nobody", "x")):
        answer = wrong.revoke(tokens["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    nothing = chatgpt.post("/oauth/revoke/", {})
    assert (nothing.status_code, nothing.json()["error"]) == (400, "invalid_request")
    assert grant_for(tokens["access_token"], api_resource()) is not None


def test_the_page_lists_what_is_connected(browser: Browser, browsers: Callable[[], Browser], chatgpt: App) -> None:
    assert "No app is connected" in browser.http.get("/accounts/apps").text
    browser.allow(chatgpt)  # a code that was not fetched is no connection
    assert "No app is connected" in browser.http.get("/accounts/apps/").text
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()

    page = browser.http.get("/accounts/apps/")
    assert "Read and search your notes" in page.text
    assert "never used" in page.text
    grant_for(tokens["access_token"], api_resource())
    assert "last used" in browser.http.get("/accounts/apps/").text
    assert page.headers["Cache-Control"] == "no-store"
    assert '"/accounts/apps/"' in browser.http.get("/accounts/profile/").text
    stranger = browsers()
    assert "No app is connected" in stranger.http.get("/accounts/apps/").text
    mine = AppGrant.objects.connected().get(user__email=browser.email).pk
    stranger.submit(stranger.http.get("/accounts/apps/"), f"/accounts/apps/{mine}/end/")
    assert grant_for(tokens["access_token"], api_resource()) is not None


def test_the_page_needs_signing_in_a_post_and_a_token(browser: Browser, chatgpt: App) -> None:
    chatgpt.exchange(browser.allow(chatgpt)["code"])
    address = f"/accounts/apps/{AppGrant.objects.get(user__email=browser.email).pk}/end/"

    assert browser.http.get(address).status_code == 405
    assert browser.http.post(address).status_code == 403
    browser.http.cookies.clear()
    assert browser.http.get("/accounts/apps/").status_code == 302
    assert AppGrant.objects.connected().filter(user__email=browser.email).exists()


@pytest.fixture
def front_end(site: str, browser: Browser) -> Any:
    client = httpx.Client(base_url=site)
    access = client.post("/api/token/", json={"email": browser.email, "password": PASSWORD}).json()["access"]
    client.headers["Authorization"] = f"Bearer {access}"
    yield client
    client.close()


def test_the_api_lists_and_revokes(
    browser: Browser, browsers: Callable[[], Browser], chatgpt: App, front_end: Any
) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    other = browsers()
    foreign = chatgpt.exchange(other.allow(chatgpt)["code"]).json()

    listed = front_end.get("/api/grants/").json()["results"]
    assert len(listed) == 1
    assert set(listed[0]) == {"id", "app", "scopes", "resources", "created_at", "last_used_at", "expires_at"}
    assert listed[0]["app"]["client_id"] == chatgpt.client_id
    assert listed[0]["scopes"] == ["notes:read", "notes:write"]
    assert listed[0]["resources"] == [api_resource()]

    theirs = AppGrant.objects.get(user__email=other.email).pk
    for gone in (theirs, uuid4()):
        assert front_end.delete(f"/api/grants/{gone}/").status_code == 404
    assert grant_for(foreign["access_token"], api_resource()) is not None
    assert front_end.delete(f"/api/grants/{listed[0]['id']}/").status_code == 204
    assert front_end.delete(f"/api/grants/{listed[0]['id']}/").status_code == 404
    assert grant_for(tokens["access_token"], api_resource()) is None
    assert front_end.get("/api/grants/").json()["results"] == []
    assert httpx.get(f"{front_end.base_url}/api/grants/").status_code == 401
