"""The ways to secure an account, and what somebody who has its old password may have asked for before."""

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core import mail
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from accounts.access import load_viewer
from accounts.mail.tasks import enqueue_link
from accounts.models import User
from accounts.oauth.resource_server import api_resource, grant_for
from accounts.security.network import ClientInfo
from accounts.services import passwords
from accounts.services.api_keys import key_holder
from accounts.services.credentials import check_credentials
from accounts.services.deletion import delete_own_account
from accounts.services.mail_tokens import Purpose, issue
from accounts.services.sessions import start_session, tokens_of
from accounts.services.tickets import consume_ticket
from accounts.tests.links import token_in
from accounts.tests.oauth_actors import CALLBACKS, Printed, gpt_action
from common.errors import ParleyError
from common.testing import run_due_tasks
from common.tests.sample_tasks import act, calls

PASSWORD, NEW = "correct horse battery", "another good phrase 7"
Step = Callable[[], Any]


class Victim:
    """Somebody whose account a thief is signed in to, by API and browser; the owner is about to find out."""

    def __init__(self, name: str, staff: User, api: Any) -> None:
        self.user = User(email=f"{name}@example.com", is_email_confirmed=True)
        self.user.set_password(PASSWORD)
        self.user.save()
        self.staff, self.api, self.client = staff, api, ClientInfo()
        self.session = start_session(self.user, self.client)
        self.tokens = tokens_of(self.session)
        api.bear(self.tokens.access).cookie = self.tokens.refresh
        self.page = Browser()
        self.page.force_login(self.user, "accounts.backends.EmailBackend")

    def fresh(self) -> User:
        return User.objects.get(pk=self.user.pk)

    def admin(self) -> Browser:
        browser = Browser()
        browser.force_login(self.staff, "accounts.backends.EmailBackend")
        return browser

    def change_in_admin(self, **changes: Any) -> None:
        user = self.fresh()
        form = {"email": user.email, "is_email_confirmed": "on", "is_active": "on", "profile-TOTAL_FORMS": "1",
                "profile-INITIAL_FORMS": "1", "profile-0-id": user.profile.pk, "profile-0-user": user.pk,
                "profile-0-timezone": "UTC", "sessions-TOTAL_FORMS": "0", "sessions-INITIAL_FORMS": "0"}  # fmt: skip
        form = {name: value for name, value in {**form, **changes}.items() if value is not None}
        answer = self.admin().post(reverse("admin:accounts_user_change", args=[user.pk]), form)
        assert answer.status_code == 302, answer.content.decode()


# --- Ways to secure an account; whoever was deactivated is let in again, so that it shows what is void for good ---


def reset(one: Victim) -> None:
    passwords.reset(issue(one.fresh().actor, Purpose.RESET, one.user.email), NEW)


def change(one: Victim) -> None:
    passwords.change(one.fresh(), PASSWORD, NEW, one.client)


def change_in_admin(one: Victim) -> None:
    form = {"usable_password": "true", "password1": NEW, "password2": NEW}
    answer = one.admin().post(reverse("admin:auth_user_password_change", args=[one.user.pk]), form)
    assert answer.status_code == 302, answer.content.decode()


def change_by_command(one: Victim) -> None:
    with mock.patch("getpass.getpass", return_value=NEW):
        call_command("changepassword", one.user.email, stdout=Printed(), stderr=Printed())


def change_in_the_shell(one: Victim) -> None:
    user = one.fresh()
    user.set_password(NEW)
    user.save()


def sign_out_everywhere(one: Victim) -> None:
    access = tokens_of(start_session(one.fresh(), one.client)).access
    client = type(one.api)().bear(access)
    assert client.post("/api/logout-all/").status_code == 204


def sign_out_everywhere_on_the_page(one: Victim) -> None:
    browser = Browser()
    browser.force_login(one.fresh(), "accounts.backends.EmailBackend")
    assert browser.post("/accounts/devices/end/").status_code == 302


def deactivate_for_a_while(one: Victim) -> None:
    call_command("deactivate", one.user.email, stdout=Printed())
    user = one.fresh()
    user.is_active = True
    user.save(update_fields=["is_active"])


def deactivate_in_admin_for_a_while(one: Victim) -> None:
    form = {"action": "deactivate", "_selected_action": [one.user.pk]}
    one.admin().post(reverse("admin:accounts_user_changelist"), form)
    assert not one.fresh().is_active
    one.change_in_admin()
    assert one.fresh().is_active


def reactivate(one: Victim) -> None:
    """Raise by the way back alone: the deactivation went past `save`."""
    User.objects.filter(pk=one.user.pk).update(is_active=False)
    one.change_in_admin()


def change_address(one: Victim) -> None:
    for _ in range(10):  # another link that is asked for meanwhile takes the place of ours
        secret = issue(one.fresh().actor, Purpose.CHANGE, f"new-{one.user.email}")
        if type(one.api)().post("/api/confirmation-email/confirm/", {"token": secret}).status_code == 200:
            return
    raise AssertionError("no link was good")


def change_address_in_admin(one: Victim) -> None:
    one.change_in_admin(email=f"new-{one.user.email}")


WAYS: list[Callable[[Victim], None]] = [
    reset, change, change_in_admin, change_by_command, change_in_the_shell, sign_out_everywhere,
    sign_out_everywhere_on_the_page, deactivate_for_a_while, deactivate_in_admin_for_a_while, reactivate,
    change_address, change_address_in_admin,
]  # fmt: skip


# --- What was asked for before; each returns what is tried afterwards: true, or a status under 300, where it works ---


def _ask_for(purpose: Purpose, one: Victim) -> None:
    target = f"thief-{one.user.email}"
    if purpose == Purpose.CHANGE:
        answer = one.api.post("/api/change-email/", {"email": target, "password": PASSWORD})
    elif purpose == Purpose.RESET:
        answer = one.api.post("/api/password-reset/", {"email": one.user.email})
    else:
        User.objects.filter(pk=one.user.pk).update(is_email_confirmed=False)
        answer = one.api.post("/api/confirmation-email/send/")
        User.objects.filter(pk=one.user.pk).update(is_email_confirmed=True)
    assert answer.status_code == 202, answer.content


def _use(purpose: Purpose, one: Victim, token: str) -> Any:
    anybody = type(one.api)()
    if purpose == Purpose.RESET:
        return anybody.post("/api/password-reset/confirm/", {"token": token, "password": "the thief's good phrase"})
    return anybody.post("/api/confirmation-email/confirm/", {"token": token})


def _tokens_mailed(one: Victim) -> list[str]:
    theirs = [sent for sent in mail.outbox if one.user.email in sent.to[0] and "token=" in str(sent.body)]
    return [token_in(sent) for sent in theirs]


def mailed_link(purpose: Purpose, one: Victim) -> Step:
    _ask_for(purpose, one)
    run_due_tasks()
    token = _tokens_mailed(one)[-1]
    return lambda: _use(purpose, one, token)


def queued_mail(purpose: Purpose, one: Victim) -> Step:
    _ask_for(purpose, one)
    before = len(mail.outbox)

    def later() -> bool:
        run_due_tasks()
        sent = [token for token in _tokens_mailed(one) if token not in known]
        return any(_use(purpose, one, token).status_code < 300 for token in sent)

    known = [token_in(sent) for sent in mail.outbox[:before] if "token=" in str(sent.body)]
    return later


def ticket(one: Victim) -> Step:
    secret = one.api.post("/api/ws-ticket/").json()["ticket"]
    return lambda: load_viewer(consume_ticket(secret))


def api_key(one: Victim) -> Step:
    answer = one.api.post("/api/keys/", {"name": "thief's"})
    assert answer.status_code == 201, answer.content
    return lambda: key_holder(answer.json()["key"])


def access_token(one: Victim) -> Step:
    return lambda: one.api.get("/api/users/self/")


def refresh_cookie(one: Victim) -> Step:
    return lambda: one.api.refresh()


def page_session(one: Victim) -> Step:
    return lambda: one.page.get("/accounts/profile/")


def oauth_client() -> tuple[dict[str, str], dict[str, str]]:
    """Return what an app names itself by, and its request to be let in."""
    application, secret = gpt_action()
    client = {"client_id": application.client_id, "redirect_uri": CALLBACKS[0]}
    return {**client, "client_secret": secret}, {**client, "response_type": "code", "state": "s"}


def oauth_code_of(one: Victim) -> tuple[dict[str, str], str]:
    """Let an app in and return it with its code."""
    client, query = oauth_client()
    answer = one.page.post("/oauth/authorize/", {"answer": "allow"}, query_params=query)
    (code,) = parse_qs(urlsplit(answer["Location"]).query)["code"]
    return client, code


def oauth_token(client: dict[str, str], **form: str) -> Any:
    """Make a token request."""
    body = urlencode({**client, **form})
    return Browser().post("/oauth/token/", body, content_type="application/x-www-form-urlencoded")


def oauth_code(one: Victim) -> Step:
    client, code = oauth_code_of(one)
    return lambda: oauth_token(client, grant_type="authorization_code", code=code)


def _granted(one: Victim) -> tuple[dict[str, str], dict[str, str]]:
    client, code = oauth_code_of(one)
    return client, oauth_token(client, grant_type="authorization_code", code=code).json()


def oauth_access_token(one: Victim) -> Step:
    _, tokens = _granted(one)
    return lambda: grant_for(tokens["access_token"], api_resource())


def oauth_refresh_token(one: Victim) -> Step:
    client, tokens = _granted(one)
    return lambda: oauth_token(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])


def task_for_them(one: Victim) -> Step:
    act.enqueue_for(one.user.actor, "thief")

    def later() -> bool:
        run_due_tasks()
        return bool(calls[f"thief for {one.user.pk}"])

    return later


def sign_in_under_way(one: Victim) -> Step:
    checked = check_credentials(one.user.email, PASSWORD, None)
    return lambda: start_session(checked, one.client)


def password_change_under_way(one: Victim) -> Step:
    asked = one.fresh()
    return lambda: passwords.change(asked, PASSWORD, "the thief's good phrase", one.client) or True


def deletion_under_way(one: Victim) -> Step:
    asked = one.fresh()
    return lambda: delete_own_account(asked, PASSWORD, one.client) or True


def address_change_under_way(one: Victim) -> Step:
    asked = one.fresh()

    def later() -> bool:
        known = _tokens_mailed(one)
        enqueue_link(Purpose.CHANGE, asked, f"thief-{one.user.email}")
        run_due_tasks()
        fresh = [token for token in _tokens_mailed(one) if token not in known]
        return any(_use(Purpose.CHANGE, one, token).status_code < 300 for token in fresh)

    return later


EFFECTS: dict[str, Callable[[Victim], Step]] = {
    **{f"link to {purpose}": partial(mailed_link, purpose) for purpose in Purpose},
    **{f"queued mail to {purpose}": partial(queued_mail, purpose) for purpose in Purpose},
    **{made.__name__: made for made in (
        ticket, api_key, access_token, refresh_cookie, page_session, oauth_code, oauth_access_token,
        oauth_refresh_token, task_for_them, sign_in_under_way, password_change_under_way, deletion_under_way,
        address_change_under_way,
    )},
}  # fmt: skip


def works(step: Step) -> bool:
    """Try something; tell whether it took effect."""
    try:
        result = step()
    except ParleyError:
        return False
    return result.status_code < 300 if hasattr(result, "status_code") else bool(result)
