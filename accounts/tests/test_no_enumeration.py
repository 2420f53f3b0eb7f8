"""Answers do not tell whether an account exists: same status, body, hashing, queries and limits."""

from unittest import mock

import pytest
from django.contrib.auth import hashers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.mail.tasks import account_at, mail_link
from accounts.models import MailToken
from accounts.tests.conftest import Client
from common.models import Task
from common.tasks import Actor

pytestmark = pytest.mark.django_db(transaction=True)
KNOWN, UNKNOWN, INACTIVE = "alice@example.com", "nobody@example.com", "bob@example.com"


@pytest.fixture(autouse=True)
def _accounts(alice, bob):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    type(alice).objects.filter(pk=alice.pk).update(is_email_confirmed=False)


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
    statements = [query["sql"].split("WHERE")[0].split("VALUES")[0] for query in queries.captured_queries]
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
    lookup, enqueue = [statement for statement in known[4] if "SAVEPOINT" not in statement and statement != "BEGIN"]
    assert lookup.startswith('SELECT "accounts_user"."id"')
    assert enqueue.startswith('INSERT INTO "common_task"')
    assert Task.objects.count() == 2
    outbox()


@pytest.mark.parametrize(
    ("path", "more", "status"), [("/api/token/", {"password": "wrong"}, 401), ("/api/password-reset/", {}, 202)]
)
def test_limits_count_unknown_addresses_like_known_ones(path, more, status, settings):
    settings.MAILS_PER_HOUR = settings.LOGIN_FAILURES = 3

    for email in (KNOWN, UNKNOWN):
        answers = [Client().post(path, {"email": email, **more}).status_code for _ in range(4)]
        assert answers == [status] * 3 + [429]


@pytest.mark.parametrize("purpose", [MailToken.Purpose.RESET, MailToken.Purpose.CONFIRM])
def test_the_mail_task_works_as_hard_for_nobody(purpose):
    owner = account_at(KNOWN)
    mail_link.func(owner.actor, purpose, KNOWN)  # the row of a first link is made once

    def work(actor: Actor | None) -> tuple[int, int]:
        with (
            mock.patch("accounts.mail.messages.render_to_string", return_value="") as rendered,
            CaptureQueriesContext(connection) as queries,
        ):
            mail_link.func(actor, purpose, KNOWN)
        return rendered.call_count, len([q for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]])

    assert work(owner.actor) == work(None)
