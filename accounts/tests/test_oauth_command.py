"""`manage.py create_gpt_action`, and the clients in the admin."""

import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from oauth2_provider.models import AccessToken, Application, Grant, IDToken, RefreshToken

from accounts.models import User
from accounts.oauth.clients import needs_pkce, secret_matches
from accounts.tests.oauth_actors import CALLBACKS, GPT, App, Browser, Printed, gpt_action, sent_back

pytestmark = pytest.mark.django_db


def run(**options: Any) -> str:
    printed = Printed()
    call_command("create_gpt_action", stdout=printed, stderr=printed, **options)
    return printed.text


def test_it_prints_what_to_paste_and_the_secret_once(settings: Any) -> None:
    settings.SITE_URL = "https://chat.example.org"
    name = f"GPT {uuid.uuid4().hex}"

    text = run(name=name, gpt_id=GPT)

    application = Application.objects.get(name=name)
    secret = text.partition("Client Secret:")[2].split()[0]
    for line in (
        f"Client ID:              {application.client_id}",
        "Authorization URL:      https://chat.example.org/oauth/authorize/",
        "Token URL:              https://chat.example.org/oauth/token/",
        "Scope:                  notes:read notes:write",
        "Token Exchange Method:  Default (POST request)",
        *CALLBACKS,
    ):
        assert line in text
    assert "Warning" not in text
    assert secret_matches(secret, application.client_secret)
    assert secret not in application.client_secret
    assert (application.client_type, application.user) == ("confidential", None)
    again = run(name=name, gpt_id=GPT)
    assert secret not in again
    assert "unchanged" in again
    assert Application.objects.filter(name=name).count() == 1


def test_the_id_may_come_later_and_change() -> None:
    name = f"GPT {uuid.uuid4().hex}"
    text = run(name=name)
    assert "nobody can connect" in text
    client_id = Application.objects.get(name=name).client_id
    stored = Application.objects.get(name=name).client_secret

    run(client_id=client_id, gpt_id=CALLBACKS[1])  # the whole address, as the editor shows it
    assert Application.objects.get(name=name).redirect_uris.split() == CALLBACKS
    run(client_id=client_id, gpt_id="g-changed")

    changed = Application.objects.get(name=name)
    assert changed.redirect_uris.split() == [address.replace(GPT, "g-changed") for address in CALLBACKS]
    assert (changed.name, changed.client_secret) == (name, stored)
    assert not needs_pkce(changed)
    run(client_id=client_id, new_secret=True)
    assert Application.objects.get(name=name).client_secret != stored


@pytest.mark.parametrize("site", ["http://localhost:8000", "https://chat.example.org:8443"])
def test_it_warns_where_chatgpt_would_not_call(settings: Any, site: str) -> None:
    settings.SITE_URL = site

    assert "Warning: SITE_URL" in run(name=f"GPT {uuid.uuid4().hex}", gpt_id=GPT)


@pytest.mark.parametrize("gpt_id", [
    "gpt", "g-", "g-a/../b", "g-a b", "https://evil.example/aip/g-a/oauth/callback", "https://chatgpt.com/aip/g-a/x",
])  # fmt: skip
def test_wrong_ids_are_refused(gpt_id: str) -> None:
    with pytest.raises(CommandError):
        run(gpt_id=gpt_id)


def test_unknown_and_ambiguous_clients_are_refused() -> None:
    with pytest.raises(CommandError):
        run(client_id="nobody", gpt_id=GPT)
    for _ in range(2):
        Application.objects.create(
            name="Twin", client_type="confidential", authorization_grant_type="authorization-code"
        )
    with pytest.raises(CommandError):
        run(name="Twin", gpt_id=GPT)


def test_only_an_action_needs_no_challenge() -> None:
    application, _ = gpt_action()
    assert not needs_pkce(application)

    for changes in (
        {"client_type": "public"}, {"redirect_uris": ""}, {"redirect_uris": f"{CALLBACKS[0]} https://x.example/"},
        {"redirect_uris": CALLBACKS[0] + "x"}, {"redirect_uris": "https://chatgpt.com.evil.example/aip/g-a/oauth/callback"},
    ):  # fmt: skip
        other = Application(client_type="confidential", redirect_uris=" ".join(CALLBACKS))
        for name, value in changes.items():
            setattr(other, name, value)
        assert needs_pkce(other)


@pytest.fixture
def staff(client: Client) -> Client:
    user = User.objects.create_superuser(f"{uuid.uuid4().hex}@example.org", "a long passphrase")
    client.force_login(user, "accounts.backends.EmailBackend")
    return client


def test_the_admin_shows_clients_and_no_secret(staff: Client) -> None:
    application, secret = gpt_action()

    listed = staff.get("/admin/oauth2_provider/application/").content.decode()
    shown = staff.get(f"/admin/oauth2_provider/application/{application.pk}/change/").content.decode()

    assert application.name in listed
    for page in (listed, shown):
        assert secret not in page
        assert application.client_secret not in page
        assert application.client_secret.split("$")[-1] not in page
    assert "stored as a hash" in shown


def test_the_admin_makes_clients_with_a_secret_shown_once(staff: Client) -> None:
    form = {"name": "By hand", "client_type": "confidential", "redirect_uris": "https://app.example/callback"}

    page = staff.post("/admin/oauth2_provider/application/add/", form, follow=True).content.decode()

    secret = page.partition("shown this once: ")[2].partition("<")[0].strip()
    application = Application.objects.get(name="By hand")
    assert secret_matches(secret, application.client_secret)
    assert application.authorization_grant_type == "authorization-code"
    chosen = {"action": "new_secret", "_selected_action": [application.pk]}
    page = staff.post("/admin/oauth2_provider/application/", chosen, follow=True).content.decode()
    fresh = page.partition("shown this once: ")[2].partition("<")[0].strip()
    application.refresh_from_db()
    assert secret_matches(fresh, application.client_secret)
    assert not secret_matches(secret, application.client_secret)


@pytest.mark.parametrize("uris", ["", "not an address", "javascript:alert(1)", "https://app.example/#fragment"])
def test_the_admin_refuses_redirects_that_cannot_be(staff: Client, uris: str) -> None:
    form = {"name": "Odd", "client_type": "public", "redirect_uris": uris}

    assert staff.post("/admin/oauth2_provider/application/add/", form).status_code == 200
    assert not Application.objects.filter(name="Odd").exists()


def test_codes_and_tokens_are_not_in_the_admin(staff: Client) -> None:
    for model in (AccessToken, Grant, IDToken, RefreshToken):
        assert staff.get(f"/admin/oauth2_provider/{model._meta.model_name}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_connections_outlive_a_changed_id(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    run(client_id=chatgpt.client_id, gpt_id="g-moved")

    assert chatgpt.refresh(tokens["refresh_token"]).status_code == 200
    assert browser.open(chatgpt).status_code == 400
    moved = chatgpt.redirect.replace(GPT, "g-moved")
    assert "code" in sent_back(browser.decide(browser.open(chatgpt, redirect_uri=moved), "allow"))
