"""What happens between checking a password and opening a session."""

import logging

import pytest

from accounts.errors import InvalidCredentials
from accounts.models import Session, User
from accounts.security.network import ClientInfo
from accounts.services.credentials import check_credentials
from accounts.services.sessions import start_session
from accounts.tests.conftest import PASSWORD
from accounts.tests.links import token_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("change", ["password", "is_active"])
def test_a_password_that_changed_meanwhile_opens_nothing(alice, change):
    checked = check_credentials(alice.email, PASSWORD, None)
    if change == "password":
        alice.set_password("set in between")
    else:
        alice.is_active = False
    alice.save()

    with pytest.raises(InvalidCredentials):
        start_session(checked, ClientInfo())
    assert not Session.objects.exists()


def test_secrets_reach_no_log(api, alice, outbox, caplog):
    caplog.set_level(logging.DEBUG)
    new = "an entirely new one"
    api.sign_in(alice.email, "mistyped secret")
    access = api.sign_in(alice.email).json()["access"]
    cookies = [api.cookie]
    api.refresh()
    api.post("/api/password-reset/", {"email": alice.email})
    token = token_in(outbox()[0])
    api.post("/api/password-reset/confirm/", {"token": token, "password": new})
    api.refresh()
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))

    assert User.objects.get().check_password(new)
    for secret in (PASSWORD, new, "mistyped secret", access, *cookies, token):
        assert secret not in ours
