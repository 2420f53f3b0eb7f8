"""Confirming an address by mail."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.models import MailToken
from accounts.tests.conftest import PASSWORD, Client
from accounts.tests.links import token_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def new(api, outbox):
    """A new account, whose first mail has been sent: mails have no order among themselves."""
    answer = api.post("/api/register/", {"email": "new@example.com", "password": PASSWORD}, HTTP_HOST="localhost")
    outbox()
    return api.bear(answer.json()["access"])


def confirm(client: Client, token: str):
    return client.post("/api/confirmation-email/confirm/", {"token": token})


def is_confirmed(client: Client) -> bool:
    return client.get("/api/users/self/").json()["is_email_confirmed"]


def test_one_mail_leaves_and_its_link_confirms_once(new, outbox):
    [message] = outbox()
    token = token_in(message)

    assert message.to == ["new@example.com"]
    assert not is_confirmed(new)
    assert confirm(new, token).json()["is_email_confirmed"] is True
    assert is_confirmed(new)
    assert confirm(new, token).status_code == 400
    assert confirm(new, token).json()["code"] == "invalid_token"


def test_links_lead_to_the_configured_site_whatever_the_request_says(api, outbox, settings):
    settings.FRONTEND_URL = "https://app.example.com"
    headers = {"HTTP_HOST": "localhost", "HTTP_ORIGIN": "https://evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}

    api.post("/api/register/", {"email": "new@example.com", "password": PASSWORD}, **headers)

    [message] = outbox()
    assert "https://app.example.com/accounts/confirm/?token=" in message.body
    assert "evil" not in message.body + message.alternatives[0][0]


def test_a_new_link_kills_the_old_one(new, outbox):
    old = token_in(outbox()[0])
    assert new.post("/api/confirmation-email/send/").status_code == 202
    fresh = token_in(outbox()[1])

    assert confirm(new, old).status_code == 400
    assert confirm(new, fresh).status_code == 200


def test_a_link_dies_after_its_hours(new, outbox):
    token = token_in(outbox()[0])

    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        assert confirm(new, token).status_code == 400


def test_tokens_are_stored_as_hashes(new, outbox):
    token = token_in(outbox()[0])

    assert token not in str(MailToken.objects.values().get())


def test_asking_again_is_limited(new, outbox, settings):
    settings.MAILS_PER_HOUR = 2

    answers = [new.post("/api/confirmation-email/send/").status_code for _ in range(3)]

    assert answers == [202, 202, 429]


def test_a_confirmed_user_gets_no_mail_and_the_same_answer(as_alice, outbox):
    assert as_alice.post("/api/confirmation-email/send/").status_code == 202
    assert outbox() == []


def test_resending_by_address_tells_nothing(new, api, alice, outbox):
    outbox().clear()
    api.credentials()

    known, unknown, confirmed = (
        api.post("/api/confirmation-email/send/", {"email": email})
        for email in ("NEW@example.com", "nobody@example.com", alice.email)
    )

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b'{"status":"OK"}')
    assert confirmed.content == known.content
    assert [message.to for message in outbox()] == [["new@example.com"]]
    assert api.post("/api/confirmation-email/send/").status_code == 401


def test_a_link_of_another_purpose_does_not_confirm(new, outbox):
    new.post("/api/password-reset/", {"email": "new@example.com"})
    token = token_in(outbox()[-1])

    assert confirm(new, token).status_code == 400


def test_of_parallel_uses_of_a_link_one_succeeds(new, outbox):
    token, statuses = token_in(outbox()[0]), []

    def use() -> None:
        statuses.append(confirm(Client(), token).status_code)
        connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(statuses) == [200] + [400] * 5


def test_a_dead_mail_server_neither_delays_nor_changes_the_answer(api, outbox, settings, caplog):
    settings.EMAIL_BACKEND = "accounts.tests.dead_mail.EmailBackend"

    answer = api.post("/api/register/", {"email": "new@example.com", "password": PASSWORD})

    assert answer.status_code == 201
    outbox()
    assert "failed, trying again: ConnectionRefusedError" in caplog.text
    assert "new@example.com" not in caplog.text

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    api.bear(answer.json()["access"]).post("/api/confirmation-email/send/")
    assert confirm(api, token_in(outbox()[0])).status_code == 200
