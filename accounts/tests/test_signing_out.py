"""Every way to end a session ends it at the next request."""

import pytest

from accounts.access import Claims, ended_sessions
from accounts.models import Session, User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(alice, make_client):
    client = make_client()
    client.sign_in(alice.email)
    return client


def is_in(client) -> bool:
    by_access = client.get("/api/users/self/").status_code == 200
    by_cookie = client.refresh().status_code == 200
    assert by_access == by_cookie
    return by_access


def test_logging_out_by_the_cookie_alone_ends_that_session_only(as_alice, other):
    access = as_alice._credentials.pop("HTTP_AUTHORIZATION")

    response = as_alice.post("/api/logout/")

    cleared = response.cookies["__Secure-refresh"]
    assert response.status_code == 204
    assert (cleared.value, cleared["max-age"], cleared["path"], cleared["samesite"]) == ("", 0, "/api/", "Lax")
    assert not is_in(as_alice.bear(access.split()[1]))
    assert is_in(other)


def test_logging_out_with_an_access_token_alone_ends_its_session(as_alice):
    as_alice.cookies.clear()

    assert as_alice.post("/api/logout/").status_code == 204
    assert as_alice.get("/api/users/self/").status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic eDp5"])
def test_logging_out_without_a_session_is_done_already(api, header):
    assert api.post("/api/logout/", HTTP_AUTHORIZATION=header).status_code == 204


def test_logging_out_everywhere_ends_every_session(as_alice, other):
    assert as_alice.post("/api/logout-all/").status_code == 204

    assert not is_in(as_alice)
    assert not is_in(other)


def test_signing_the_others_out_leaves_this_one_and_other_people(as_alice, other, bob, make_client):
    bobs, browser = make_client(), make_client()
    bobs.sign_in(bob.email)
    browser.force_login(User.objects.get(email="alice@example.com"), "accounts.backends.EmailBackend")
    key = as_alice.post("/api/keys/", {"name": "mine"}).json()["id"]

    for _ in range(2):
        assert as_alice.delete("/api/sessions/").status_code == 204

    assert is_in(as_alice)
    assert is_in(bobs)
    assert not is_in(other)
    assert browser.get("/accounts/profile/").status_code == 302
    assert [row["is_current"] for row in as_alice.get("/api/sessions/").json()["results"]] == [True]
    assert Session.objects.alive().filter(api_key=key, kind=Session.Kind.KEY).exists()


def test_an_ended_session_ends_no_others(as_alice, other):
    Session.objects.filter(user__email="alice@example.com").order_by("created_at").first().delete()

    assert as_alice.delete("/api/sessions/").status_code == 401
    assert is_in(other)


def test_the_page_signs_the_others_out(as_alice, alice, make_client):
    browser = make_client()
    browser.force_login(alice, "accounts.backends.EmailBackend")
    assert b"Sign out the others" in browser.get("/accounts/devices/").content

    assert browser.get("/accounts/devices/end-others/").status_code == 405
    assert browser.post("/accounts/devices/end-others/").status_code == 302

    assert browser.get("/accounts/devices/").status_code == 200
    assert not is_in(as_alice)


def test_the_list_of_devices_shows_ones_own_live_sessions(as_alice, other, bob, make_client):
    make_client().sign_in(bob.email)
    as_alice.post("/api/token/", {"email": "alice@example.com", "password": PASSWORD}, HTTP_USER_AGENT="Firefox\x00 1")

    devices = as_alice.get("/api/sessions/").json()["results"]

    assert len(devices) == 3
    assert [device["is_current"] for device in devices].count(True) == 1
    assert {device["network"] for device in devices} == {"127.0.0.1"}
    assert devices[0]["user_agent"] == "Firefox 1"
    assert not any("hash" in name or "token" in name for name in devices[0])


def test_one_device_is_signed_out_from_another(as_alice, other):
    [target] = [device for device in as_alice.get("/api/sessions/").json()["results"] if not device["is_current"]]

    assert as_alice.delete(f"/api/sessions/{target['id']}/").status_code == 204
    assert as_alice.delete(f"/api/sessions/{target['id']}/").status_code == 404
    assert not is_in(other)
    assert is_in(as_alice)


def test_bob_cannot_see_or_end_alices_sessions(as_alice, bob, make_client):
    theirs = Session.objects.get()
    as_bob = make_client()
    as_bob.sign_in(bob.email)

    assert as_bob.delete(f"/api/sessions/{theirs.pk}/").status_code == 404
    assert as_bob.delete("/api/sessions/not-an-id/").status_code == 404
    assert is_in(as_alice)


def test_changing_the_password_ends_every_session_and_starts_a_new_one_here(as_alice, other):
    cookie, access = as_alice.cookie, as_alice._credentials["HTTP_AUTHORIZATION"].split()[1]

    response = as_alice.post("/api/change-password/", {"old_password": PASSWORD, "new_password": "a new one, longer"})

    assert response.status_code == 200
    assert not is_in(other)
    assert as_alice.get("/api/users/self/").status_code == 401  # the old access token
    assert is_in(as_alice.bear(response.json()["access"]))
    as_alice.cookie = cookie
    assert not is_in(as_alice.bear(access))
    assert as_alice.sign_in("alice@example.com").status_code == 401
    assert as_alice.sign_in("alice@example.com", "a new one, longer").status_code == 200


def test_a_wrong_old_password_changes_nothing(as_alice):
    response = as_alice.post("/api/change-password/", {"old_password": "wrong", "new_password": "a new one, longer"})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["old_password"]
    assert is_in(as_alice)


@pytest.mark.parametrize("how", ["save", "update"])
def test_a_deactivated_user_is_out_at_once(alice, as_alice, how):
    if how == "save":
        alice.is_active = False
        alice.save()
    else:
        type(alice).objects.update(is_active=False)

    assert not is_in(as_alice)
    assert as_alice.sign_in(alice.email).json()["code"] == "invalid_credentials"


def test_reactivating_does_not_bring_old_sessions_back(alice, as_alice):
    for active in (False, True):
        alice.is_active = active
        alice.save()

    assert not is_in(as_alice)


def test_a_password_set_by_staff_or_shell_ends_every_session(alice, as_alice):
    alice.set_password("set in the shell")
    alice.save()

    assert not is_in(as_alice)


def test_a_better_hash_of_the_same_password_ends_nothing(alice, as_alice, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]

    assert as_alice.post("/api/token/", {"email": alice.email, "password": PASSWORD}).status_code == 200
    alice.refresh_from_db()
    assert alice.password.startswith("pbkdf2")
    assert is_in(as_alice)


def test_open_streams_can_ask_which_sessions_have_ended(alice, as_alice, other):
    first, second = Session.objects.order_by("pk")
    gone = Claims(alice.pk, type(first)().pk).session_id
    first.__class__.objects.filter(pk=first.pk).end("revoked")

    assert ended_sessions([first.pk, second.pk, gone]) == {first.pk, gone}
    assert ended_sessions([]) == set()

    type(alice).objects.update(is_active=False)
    assert ended_sessions([second.pk]) == {second.pk}


def test_the_list_of_devices_comes_in_pages(as_alice, other, make_client):
    first = as_alice.get("/api/sessions/?page_size=1").json()
    second = as_alice.get(first["next"]).json()

    assert [page["results"][0]["is_current"] for page in (first, second)] == [False, True]
    assert (first["previous"], second["next"]) == (None, None)


@pytest.mark.parametrize("cursor", ["x", "cD14", "cD0lMDA=", "%00", "bz05OTk5OTk5OTk5", "é"])
def test_a_cursor_that_is_none_leads_nowhere(as_alice, cursor):
    assert as_alice.get(f"/api/sessions/?cursor={cursor}").status_code in (200, 404)
