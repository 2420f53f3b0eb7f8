"""What staff see and do: no hash, no secret."""

import pytest
from django.test import Client as Browser

from accounts.models import Session, User
from accounts.tests.conftest import PASSWORD
from accounts.tests.links import token_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Browser:
    User.objects.create_superuser("root@example.com", PASSWORD)
    browser = Browser()
    response = browser.post("/admin/login/", {"username": "ROOT@example.com", "password": PASSWORD, "next": "/admin/"})
    assert response.status_code == 302
    return browser


def act(staff: Browser, action: str, *users: User):
    return staff.post("/admin/accounts/user/", {"action": action, "_selected_action": [user.pk for user in users]})


def test_pages_show_profile_and_sessions_and_no_secret(staff, alice, as_alice):
    session = Session.objects.get(user=alice)
    pages = [
        staff.get(path).content.decode()
        for path in (
            "/admin/accounts/user/",
            f"/admin/accounts/user/{alice.pk}/change/",
            "/admin/accounts/session/",
            f"/admin/accounts/session/{session.pk}/change/",
        )
    ]

    assert "profile-0-timezone" in pages[1]
    assert str(session.pk) in pages[1]
    for page in pages:
        for secret in (
            alice.password,
            alice.password.split("$")[-1][:10],
            session.current_hash,
            as_alice.cookie,
            "md5",
        ):
            assert secret not in page


def test_deactivating_ends_everything_but_never_ones_own_account(staff, alice, as_alice):
    root = User.objects.get(email="root@example.com")

    assert act(staff, "deactivate", alice, root).status_code == 302

    assert as_alice.get("/api/users/self/").status_code == 401
    assert as_alice.refresh().status_code == 401
    assert not Session.objects.filter(user=alice, ended_at=None).exists()
    assert staff.get("/admin/").status_code == 200


def test_the_confirmation_mail_is_sent_again(staff, alice, bob, api, outbox):
    User.objects.filter(pk=alice.pk).update(is_email_confirmed=False)

    act(staff, "resend_confirmation", alice, bob)

    [message] = outbox()
    assert message.to == [alice.email]
    assert api.post("/api/confirmation-email/confirm/", {"token": token_in(message)}).status_code == 200


def test_staff_can_add_change_and_delete_users(staff, as_alice, alice):
    form = {"email": "made@example.com", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert staff.post("/admin/accounts/user/add/", form).status_code == 302
    assert User.objects.get(email="made@example.com").profile.timezone == "UTC"
    assert staff.post("/admin/accounts/user/add/", {**form, "email": "MADE@example.com"}).status_code == 200

    inline = {
        "TOTAL_FORMS": 1,
        "INITIAL_FORMS": 1,
        "0-id": alice.profile.pk,
        "0-user": alice.pk,
        "0-timezone": "Asia/Tokyo",
    }
    change = {f"profile-{name}": value for name, value in inline.items()}
    change |= {"sessions-TOTAL_FORMS": 0, "sessions-INITIAL_FORMS": 0, "email": alice.email, "username": "al"}
    assert staff.post(f"/admin/accounts/user/{alice.pk}/change/", change).status_code == 302
    alice = User.objects.get(pk=alice.pk)
    assert (alice.username, alice.is_active, alice.profile.timezone) == ("al", False, "Asia/Tokyo")
    assert as_alice.refresh().status_code == 401

    assert staff.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()


def test_the_admin_is_for_active_staff(alice):
    browser = Browser()
    browser.post("/admin/login/", {"username": alice.email, "password": PASSWORD})

    assert browser.get("/admin/").status_code == 302


def test_ending_a_session_row_signs_staff_out(staff):
    Session.objects.all().end("revoked")

    assert staff.get("/admin/").status_code == 302


def test_staff_can_end_a_session(staff, as_alice, alice):
    session = Session.objects.get(user=alice)

    staff.post("/admin/accounts/session/", {"action": "end", "_selected_action": [session.pk]})

    assert as_alice.refresh().status_code == 401


def test_changing_ones_password_leads_to_the_page_that_counts_guesses(staff):
    assert staff.get("/admin/password_change/")["Location"] == "/accounts/password/"
