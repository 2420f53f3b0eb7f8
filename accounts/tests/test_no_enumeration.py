"""Answers do not tell whether an account exists: same status, body, hashing, queries and limits."""

from unittest import mock

import pytest
from django.contrib.auth import hashers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.mail.jobs import mail_confirmation_to, mail_reset
from accounts.models import User
from accounts.tests.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
KNOWN, UNKNOWN, INACTIVE = "alice@example.com", "nobody@example.com", "bob@example.com"


@pytest.fixture(autouse=True)
def _accounts(alice, bob):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)


def observe(path: str, body: dict[str, str]) -> tuple[object, ...]:
    """Return all that an outsider could measure of one request."""
    hasher = hashers.MD5PasswordHasher
    with (
        mock.patch.object(hasher, "encode", autospec=True, side_effect=hasher.encode) as hashed,
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        response = Client().post(path, body)
    problem = {**response.json(), "correlation_id": ""}
    headers = {name: value for name, value in response.items() if name != "X-Request-ID"}
    statements = [query["sql"].split("WHERE")[0] for query in queries.captured_queries]
    return response.status_code, problem, headers, hashed.call_count, statements


@pytest.mark.parametrize("other", [UNKNOWN, INACTIVE, "not an address", "ALICE@EXAMPLE.COM"])
def test_a_failed_sign_in_does_the_same_work_for_every_address(other):
    known = observe("/api/token/", {"email": KNOWN, "password": "wrong password"})

    assert observe("/api/token/", {"email": other, "password": "wrong password"}) == known
    assert known[0] == 401
    assert known[3] == 1
    assert len(known[4]) == 1


@pytest.mark.parametrize("path", ["/api/password-reset/", "/api/confirmation-email/send/"])
@pytest.mark.parametrize("other", [UNKNOWN, INACTIVE, "not an address"])
def test_asking_for_a_mail_does_the_same_work_for_every_address(path, other, outbox):
    known = observe(path, {"email": KNOWN})

    assert observe(path, {"email": other}) == known
    assert known[0] == 202
    assert known[4] == []  # the account is looked up after the answer
    outbox()


@pytest.mark.parametrize(
    ("path", "more", "status"), [("/api/token/", {"password": "wrong"}, 401), ("/api/password-reset/", {}, 202)]
)
def test_limits_count_unknown_addresses_like_known_ones(path, more, status, settings):
    settings.MAILS_PER_HOUR = settings.LOGIN_FAILURES = 3

    for email in (KNOWN, UNKNOWN):
        answers = [Client().post(path, {"email": email, **more}).status_code for _ in range(4)]
        assert answers == [status] * 3 + [429]


@pytest.mark.parametrize("job", [mail_reset, mail_confirmation_to])
def test_the_mail_job_works_as_hard_for_nobody(job):
    User.objects.filter(email=KNOWN).update(is_email_confirmed=False)
    job(KNOWN)  # the row of a first link is made once

    def work(email: str) -> tuple[int, int]:
        with (
            mock.patch("accounts.mail.messages.render_to_string", return_value="") as rendered,
            CaptureQueriesContext(connection) as queries,
        ):
            job(email)
        return rendered.call_count, len([q for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]])

    assert work(KNOWN) == work(UNKNOWN)
