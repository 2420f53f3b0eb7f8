"""What staff see and do: no hash, no secret."""

import pytest
from django.contrib import admin
from django.forms import model_to_dict
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


def test_saving_a_row_keeps_what_changed_meanwhile(alice, rf):
    request = rf.post("/")
    request.user = User.objects.create_superuser("root@example.com", PASSWORD)
    page = admin.site.get_model_admin(User)
    read_before = User.objects.get(pk=alice.pk)
    form = page.get_form(request, read_before, change=True)(
        {**model_to_dict(read_before), "username": "al"}, instance=read_before
    )
    alice.set_password("another long password")
    alice.save()

    assert form.is_valid(), form.errors
    page.save_model(request, form.save(commit=False), form, change=True)

    alice.refresh_from_db()
    assert alice.username == "al"
    assert alice.check_password("another long password")


def test_a_password_switched_off_ends_every_session(staff, alice, as_alice):
    answer = staff.post(
        f"/admin/accounts/user/{alice.pk}/password/", {"usable_password": "false", "unset-password": "1"}
    )

    assert answer.status_code == 302
    assert as_alice.get("/api/users/self/").status_code == 401
    alice.refresh_from_db()
    assert not alice.has_usable_password()


@pytest.mark.parametrize("chosen", ["x", "", "9" * 30, "9" * 5000, "-1", "1.5", "\u0663"])
@pytest.mark.parametrize("page", ["accounts/user", "accounts/session", "chats/chat", "chats/feedback", "common/task"])
def test_rows_that_no_key_names(staff, page, chosen):
    for index in ("0", "-1", "x", "9" * 30):
        answer = staff.post(
            f"/admin/{page}/", {"action": "delete_selected", "_selected_action": chosen, "index": index}
        )
        assert answer.status_code < 500


@pytest.mark.parametrize("address", ["r/1/1/", "r/x/y/", f"r/{'9' * 30}/1/", f"r/1/{'9' * 30}/"])
def test_rows_have_no_page_to_be_viewed_on(staff, address):
    assert staff.get(f"/admin/{address}").status_code == 404


def form_of(staff: Browser, user: User) -> dict[str, object]:
    """Return what the browser would send of a user's page as it stands."""
    shown = staff.get(f"/admin/accounts/user/{user.pk}/change/").context
    profile = shown["inline_admin_formsets"][0].formset.forms[0]
    given = {
        **shown["adminform"].form.initial,
        **{f"profile-0-{name}": profile[name].value() for name in profile.fields},
    }
    counts = {"profile-TOTAL_FORMS": 1, "profile-INITIAL_FORMS": 1, "sessions-TOTAL_FORMS": 0}
    return (
        {name: value for name, value in given.items() if value not in (None, False)}
        | counts
        | {"sessions-INITIAL_FORMS": 0}
    )


def test_a_profile_is_changed_in_the_admin(staff, alice):
    answer = staff.post(
        f"/admin/accounts/user/{alice.pk}/change/", form_of(staff, alice) | {"profile-0-first_name": "Al"}
    )

    assert answer.status_code == 302
    assert User.objects.get(pk=alice.pk).profile.first_name == "Al"


@pytest.mark.parametrize("model", ["llama", "\0"])
def test_an_unknown_preferred_model_is_refused(staff, alice, model):
    changes = {"profile-0-preferred_model": model}
    answer = staff.post(f"/admin/accounts/user/{alice.pk}/change/", form_of(staff, alice) | changes)

    assert answer.status_code == 200
    assert answer.context["inline_admin_formsets"][0].formset.forms[0].errors["preferred_model"]
