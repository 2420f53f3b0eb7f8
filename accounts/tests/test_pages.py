"""Our own pages: plain forms that work without script."""

import re
from html import escape, unescape
from unittest import mock
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from accounts.models import Session, User
from accounts.pages.viewer import page_viewer
from accounts.tests.conftest import PASSWORD
from accounts.tests.links import token_in, token_sent_to
from accounts.tests.test_avatar import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def alices(alice, browser) -> Browser:
    assert sign_in(browser).status_code == 302
    return browser


def sign_in(browser: Browser, **more: str):
    return browser.post("/accounts/sign-in/", {"email": "Alice@example.com", "password": PASSWORD, **more})


def is_in(browser: Browser) -> bool:
    return browser.get("/accounts/profile/").status_code == 200


PAGES = ["sign-in", "register", "reset", "reset/confirm?token=abc", "confirm?token=abc"]
OWN_PAGES = ["profile", "devices", "password", "email", "delete", "profile/avatar"]


@pytest.mark.parametrize("path", PAGES + OWN_PAGES)
def test_pages_have_forms_with_csrf_and_nothing_inline_or_foreign(alices, path):
    page = alices.get(f"/accounts/{path}").content.decode()

    assert 'name="csrfmiddlewaretoken"' in page
    assert "<h1>" in page
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|style=|\son\w+=|https?://", page)


@pytest.mark.parametrize("path", OWN_PAGES)
def test_own_pages_send_strangers_to_the_form_and_back(browser, path):
    response = browser.get(f"/accounts/{path}/")

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/sign-in/?next=/accounts/{path}/"


def test_signing_in_makes_a_session_row_and_signing_out_ends_it(alices, alice, rf):
    [session] = Session.objects.all()
    request = rf.get("/")
    request.session = alices.session

    assert (session.kind, session.user) == ("page", alice)
    assert page_viewer(request).id == alice.pk
    assert alices.get("/accounts/sign-out/").status_code == 405
    alices.post("/accounts/sign-out/")
    assert not is_in(alices)
    assert Session.objects.get().ended_at is not None


@pytest.mark.parametrize("end", [
    lambda user: Session.objects.all().end("revoked"),
    lambda user: user.secure("signed_out_everywhere"),
    lambda user: type(user).objects.update(is_active=False),
    lambda user: (user.set_password("set in the shell"), user.save()),
    lambda user: user.delete(),
])  # fmt: skip
def test_a_browser_is_out_as_soon_as_its_session_row_has_ended(alices, alice, rf, end):
    end(alice)

    request = rf.get("/")
    request.session = alices.session
    assert page_viewer(request) is None
    assert not is_in(alices)


# Django looks at 2,048 characters; apps ask for many scopes and resources, and put much into `state`.
LONG = f"/oauth/authorize/?client_id=app&state={'x' * 15_000}"


@pytest.mark.parametrize(("wanted", "given"), [
    ("/accounts/devices/", "/accounts/devices/"),
    (LONG, LONG),
    (f"https://evil.example{LONG}", "/"),
    ("https://evil.example/", "/"),
    ("//evil.example/", "/"),
    ("/\\evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("", "/"),
])  # fmt: skip
def test_signing_in_leads_to_addresses_of_this_site_only(alice, browser, wanted, given):
    assert sign_in(browser, next=wanted)["Location"] == given


def test_a_wrong_password_says_so_without_saying_which_half_was_wrong(alice, browser):
    wrong = browser.post("/accounts/sign-in/", {"email": "alice@example.com", "password": "wrong"})
    unknown = browser.post("/accounts/sign-in/", {"email": "nobody@example.com", "password": "wrong"})

    assert wrong.status_code == unknown.status_code == 401
    assert b"Wrong e-mail address or password" in wrong.content
    assert b"Wrong e-mail address or password" in unknown.content


def test_registering_confirming_and_resetting_work_by_forms_alone(browser, outbox):
    browser.post("/accounts/register/", {"email": "new@example.com", "password": PASSWORD})
    assert is_in(browser)
    token = token_in(outbox()[0])

    assert token in browser.get(f"/accounts/confirm/?token={token}").content.decode()
    assert not User.objects.get().is_email_confirmed  # looking changed nothing
    browser.post("/accounts/confirm/", {"token": token})
    assert User.objects.get().is_email_confirmed
    assert browser.post("/accounts/confirm/", {"token": token}).status_code == 400

    browser.post("/accounts/reset/", {"email": "new@example.com"})
    token = token_in(outbox()[-1])
    browser.get(f"/accounts/reset/confirm/?token={token}")
    browser.post("/accounts/reset/confirm/", {"token": token, "password": "an entirely new one"})
    assert not is_in(browser)
    assert User.objects.get().check_password("an entirely new one")


CONSENT = "/oauth/authorize/?client_id=app&scope=notes%3Aread"


@pytest.mark.parametrize("path", ["sign-in", "register", "reset"])
def test_every_side_way_leads_on_to_where_somebody_was_going(browser, path):
    page = browser.get(f"/accounts/{path}/", {"next": CONSENT}).content.decode()
    elsewhere = browser.get(f"/accounts/{path}/", {"next": "https://evil.example/"}).content.decode()

    ways = re.findall(r'href="(/accounts/(?:sign-in|register|reset)/[^"]*)"', page.partition("<h1>")[2])
    assert ways
    assert all(parse_qs(urlsplit(unescape(way)).query) == {"next": [CONSENT]} for way in ways)
    assert f'name="next" value="{escape(CONSENT)}"' in page
    assert "evil" not in elsewhere


def test_who_registers_and_confirms_on_the_way_arrives(browser, outbox):
    form = {"email": "new@example.com", "password": PASSWORD, "next": CONSENT}
    assert browser.post("/accounts/register/", form)["Location"] == CONSENT

    confirmed = browser.post("/accounts/confirm/", {"token": token_in(outbox()[0])})

    assert (confirmed.status_code, confirmed["Location"]) == (302, CONSENT)


def test_a_long_request_of_an_app_is_remembered_on_every_way(browser, outbox):
    form = {"email": "new@example.com", "password": PASSWORD, "next": LONG}
    page = browser.get("/accounts/sign-in/", {"next": LONG}).content.decode()

    assert f'name="next" value="{escape(LONG)}"' in page
    assert browser.post("/accounts/register/", form)["Location"] == LONG
    assert browser.post("/accounts/confirm/", {"token": token_in(outbox()[0])})["Location"] == LONG


def test_who_resets_the_password_on_the_way_arrives(alice, browser, outbox):
    browser.post("/accounts/reset/", {"email": alice.email, "next": CONSENT})
    new = "an entirely new one"

    answer = browser.post("/accounts/reset/confirm/", {"token": token_in(outbox()[-1]), "password": new})
    form = {"email": alice.email, "password": new, **dict(parse_qsl(urlsplit(answer["Location"]).query))}

    assert answer["Location"].startswith("/accounts/sign-in/?")
    assert "Your password is set" in browser.get(answer["Location"]).content.decode()
    assert browser.post("/accounts/sign-in/", form)["Location"] == CONSENT


def test_a_form_without_its_csrf_token_is_refused(alice):
    strict = Browser(enforce_csrf_checks=True)

    assert sign_in(strict).status_code == 403
    assert not Session.objects.exists()


def test_the_list_of_devices_ends_one_or_all(alices, alice, as_alice, bob, make_client):
    make_client().sign_in(bob.email)
    theirs = Session.objects.get(user=bob)
    mine = Session.objects.get(user=alice, kind="api")

    assert alices.get("/accounts/devices/").content.count(b"<li>") == 2
    alices.post(f"/accounts/devices/{mine.pk}/end/")
    alices.post(f"/accounts/devices/{theirs.pk}/end/")
    assert as_alice.refresh().status_code == 401
    assert Session.objects.alive().filter(pk=theirs.pk).exists()

    alices.post("/accounts/devices/end/")
    assert not is_in(alices)


def test_profile_and_picture_are_changed_by_forms(alices, alice):
    form = {"first_name": "<b>Alice</b>", "last_name": "", "timezone": "Europe/Lisbon", "preferred_model": ""}
    assert alices.post("/accounts/profile/", form).status_code == 302
    for wrong in ({"timezone": "Mars/X"}, {"preferred_model": "no/such"}):
        assert alices.post("/accounts/profile/", form | wrong).status_code == 400
    assert alices.post("/accounts/profile/avatar/", {"avatar": SimpleUploadedFile("x", picture())}).status_code == 302

    page = alices.get("/accounts/profile/").content.decode()
    assert "<b>Alice" not in page
    assert "&lt;b&gt;Alice" in page
    assert alice.profile.timezone != (fresh := User.objects.get().profile).timezone == "Europe/Lisbon"
    assert fresh.avatar in page
    alices.post("/accounts/profile/avatar/remove/")
    assert User.objects.get().profile.avatar == ""


def test_the_password_is_changed_and_this_browser_stays(alices, as_alice):
    form = {"old_password": PASSWORD, "new_password": "an entirely new one"}

    assert alices.post("/accounts/password/", form).status_code == 302
    assert is_in(alices)
    assert as_alice.refresh().status_code == 401


def test_address_and_account_are_changed_and_deleted_by_forms(alices, outbox):
    alices.post("/accounts/email/", {"email": "new@example.com", "password": PASSWORD})
    alices.post("/accounts/confirm/", {"token": token_sent_to("new@example.com", outbox())})
    assert User.objects.get().email == "new@example.com"
    assert alices.post("/accounts/delete/", {"password": PASSWORD}).status_code == 302  # signed out everywhere
    alices.post("/accounts/sign-in/", {"email": "new@example.com", "password": PASSWORD})

    assert alices.post("/accounts/delete/", {"password": "wrong"}).status_code == 400
    assert alices.post("/accounts/delete/", {"password": PASSWORD}).status_code == 200
    assert not User.objects.exists()


def test_the_last_use_of_a_browser_is_noted_now_and_then(alices):
    before = Session.objects.get().last_used_at
    is_in(alices)
    assert Session.objects.get().last_used_at == before

    with mock.patch("accounts.middleware.LAST_USE_STEP", before - before):
        is_in(alices)
    assert Session.objects.get().last_used_at > before


@pytest.mark.parametrize("path", ["sign-in", "register", "reset", "confirm", "reset/confirm"])
@pytest.mark.parametrize(
    "body", [b"\xff", b"email=%00&password=%00&token=%00&username=%00", b"email=%ed%a0%80", b"=" * 5000]
)
def test_weird_forms_are_refused_on_their_page(browser, path, body):
    response = browser.post(f"/accounts/{path}/", body, content_type="application/x-www-form-urlencoded")

    assert 400 <= response.status_code < 500
