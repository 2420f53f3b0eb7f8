"""Every HTML page says what it may load."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.content_security_policy import STRICT

STRANGERS = ["/", "/accounts/sign-in/", "/accounts/register/", "/accounts/reset/", "/accounts/confirm/", "/nowhere/"]
MEMBERS = ["/", "/chats/", "/accounts/profile/", "/accounts/devices/", "/accounts/password/", "/accounts/delete/"]
UNSAFE = ("unsafe-inline", "unsafe-eval", "data:", "*", "http:", "https:")


@pytest.mark.django_db
@pytest.mark.parametrize("path", STRANGERS)
def test_pages_for_strangers_have_the_strict_policy(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})

    assert answer["Content-Type"].startswith("text/html")
    assert answer["Content-Security-Policy"] == STRICT


@pytest.mark.django_db
@pytest.mark.parametrize("path", MEMBERS)
def test_pages_for_members_have_the_strict_policy_and_nothing_inline(client: Client, path: str) -> None:
    client.force_login(
        User.objects.create_user("ada@example.org", "a long passphrase"), "accounts.backends.EmailBackend"
    )

    answer = client.get(path)

    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == STRICT
    body = answer.content.decode()
    assert "<style" not in body
    assert " style=" not in body
    assert " onclick=" not in body
    assert body.count("<script") == body.count("<script src=")


def test_the_strict_policy_is_strict() -> None:
    assert STRICT.startswith("default-src 'none';")
    assert not [word for word in UNSAFE if word in STRICT]
    for name in ("script-src", "style-src", "img-src", "connect-src", "form-action"):
        assert f"{name} 'self'" in STRICT
    assert "frame-ancestors 'none'" in STRICT


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs/"])
def test_pages_of_others_have_a_policy_without_foreign_sources_or_inline_script(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "script-src" not in policy  # so that default-src 'self' holds for scripts
    scripts = answer.content.decode()
    assert scripts.count("<script") == scripts.count(" src=") or "<script>" not in scripts


@pytest.mark.django_db
def test_staff_find_docs_and_admin_on_the_page_and_others_do_not(client: Client) -> None:
    user = User.objects.create_user("ada@example.org", "a long passphrase")
    client.force_login(user, "accounts.backends.EmailBackend")
    assert reverse("admin:index") not in client.get("/").content.decode()
    User.objects.filter(pk=user.pk).update(is_staff=True)

    page = client.get("/").content.decode()

    assert f'href="{reverse("admin:index")}"' in page
    assert f'href="{reverse("docs")}"' in page


@pytest.mark.django_db
def test_docs_and_admin_carry_the_name(client: Client) -> None:
    assert "Parley" in client.get("/api/docs/").content.decode()
    assert "Parley" in client.get("/admin/login/").content.decode()
