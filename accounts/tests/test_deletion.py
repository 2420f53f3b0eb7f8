"""The end of an account."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError

from accounts.models import MailToken, Profile, Session, SocketTicket, User
from accounts.services.avatars import replace_avatar
from accounts.signals import access_revoked, account_deleting
from accounts.tests.conftest import PASSWORD
from accounts.tests.test_avatar import picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_deleting_an_account_takes_everything_that_belongs_to_it(alice, as_alice, bob, api, outbox, settings):
    api.post("/api/password-reset/", {"email": alice.email})
    as_alice.post("/api/ws-ticket/")
    replace_avatar(alice, SimpleUploadedFile("x.png", picture()))
    outbox()

    response = as_alice.delete("/api/users/self/", {"password": PASSWORD})

    assert response.status_code == 204
    assert response.cookies["__Secure-refresh"]["max-age"] == 0
    assert User.objects.get() == bob
    assert Profile.objects.get().user == bob
    assert not any(model.objects.exists() for model in (Session, MailToken, SocketTicket))
    assert not [file for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()]


def test_afterwards_nothing_lets_in_and_the_address_is_free(alice, as_alice, make_client):
    as_alice.delete("/api/users/self/", {"password": PASSWORD})

    assert as_alice.get("/api/users/self/").status_code == 401
    assert as_alice.refresh().status_code == 401
    assert make_client().sign_in(alice.email).status_code == 401
    assert make_client().post("/api/register/", {"email": alice.email, "password": PASSWORD}).status_code == 201


@pytest.mark.parametrize("body", [{}, {"password": "wrong"}, {"password": None}])
def test_without_the_right_password_nothing_is_deleted(as_alice, body):
    response = as_alice.delete("/api/users/self/", body)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["password"]
    assert User.objects.exists()


def test_apps_above_are_told_in_the_transaction_before_the_rows_go(alice, as_alice):
    seen = []

    def receiver(user_id: int, **_: object) -> None:
        seen.append((user_id, Session.objects.filter(user=user_id).exists()))
        raise RuntimeError("a receiver fails")

    account_deleting.connect(receiver)
    try:
        as_alice.raise_request_exception = False
        assert as_alice.delete("/api/users/self/", {"password": PASSWORD}).status_code == 500
    finally:
        account_deleting.disconnect(receiver)

    assert seen == [(alice.pk, True)]
    assert User.objects.filter(pk=alice.pk).exists()


def test_what_is_made_meanwhile_makes_the_deletion_start_over(as_alice):
    attempts = []

    def receiver(**_: object) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise IntegrityError("a chat was started in between")

    account_deleting.connect(receiver)
    try:
        assert as_alice.delete("/api/users/self/", {"password": PASSWORD}).status_code == 204
    finally:
        account_deleting.disconnect(receiver)

    assert len(attempts) == 2
    assert not User.objects.exists()


@pytest.mark.parametrize("how", ["logout-all", "change-password", "deactivate"])
def test_apps_above_are_told_when_every_way_in_must_end(alice, as_alice, how):
    told = []

    def receiver(user_id: int, **_: object) -> None:
        told.append(user_id)

    access_revoked.connect(receiver)
    try:
        if how == "deactivate":
            alice.is_active = False
            alice.save()
        else:
            as_alice.post(f"/api/{how}/", {"old_password": PASSWORD, "new_password": "a new one, longer"})
    finally:
        access_revoked.disconnect(receiver)

    assert told == [alice.pk]
