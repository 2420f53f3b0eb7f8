"""Changing the address: confirmed at the new one, told to the old one."""

import pytest

from accounts.tests.conftest import PASSWORD
from accounts.tests.links import token_in, token_sent_to

pytestmark = pytest.mark.django_db(transaction=True)


def ask(client, email="new@example.com", password=PASSWORD):
    return client.post("/api/change-email/", {"email": email, "password": password})


def test_the_address_changes_when_the_link_in_the_new_mailbox_is_used(as_alice, outbox):
    assert ask(as_alice).status_code == 202
    link, notice = sorted(outbox(), key=lambda message: message.to, reverse=True)
    assert (link.to, notice.to) == (["new@example.com"], ["alice@example.com"])
    assert as_alice.get("/api/users/self/").json()["email"] == "alice@example.com"

    answer = as_alice.post("/api/confirmation-email/confirm/", {"token": token_in(link)})

    assert (answer.json()["email"], answer.json()["is_email_confirmed"]) == ("new@example.com", True)
    assert outbox()[-1].to == ["alice@example.com"]
    assert as_alice.sign_in("alice@example.com").status_code == 401
    assert as_alice.sign_in("NEW@example.com").status_code == 200


def test_the_wrong_password_asks_for_nothing(as_alice, outbox):
    answer = ask(as_alice, password="wrong")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["password"]
    assert outbox() == []


def test_a_taken_address_is_refused_now_and_later(as_alice, bob, outbox):
    assert ask(as_alice, "BOB@example.com").json()["errors"]["email"]

    ask(as_alice)
    token = token_sent_to("new@example.com", outbox())
    bob.email = "new@example.com"
    bob.save()
    answer = as_alice.post("/api/confirmation-email/confirm/", {"token": token})

    assert answer.status_code == 400
    assert answer.json()["errors"]["email"]
    assert as_alice.get("/api/users/self/").json()["email"] == "alice@example.com"


def test_the_address_may_change_its_letter_case(as_alice, outbox):
    assert ask(as_alice, "Alice@Example.com").status_code == 202
    token = token_sent_to("Alice@Example.com", outbox())

    assert as_alice.post("/api/confirmation-email/confirm/", {"token": token}).json()["email"] == "Alice@Example.com"


def test_a_reset_link_in_the_old_mailbox_dies_with_the_change(as_alice, api, outbox):
    api.post("/api/password-reset/", {"email": "alice@example.com"})
    reset = token_in(outbox()[0])
    ask(as_alice)
    as_alice.post("/api/confirmation-email/confirm/", {"token": token_sent_to("new@example.com", outbox())})

    answer = api.post("/api/password-reset/confirm/", {"token": reset, "password": "an entirely new one"})

    assert answer.json()["code"] == "invalid_token"
