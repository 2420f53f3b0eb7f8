"""While an account is being secured somebody makes credentials: after both have finished none of them works."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.db import connections

from accounts.access import load_viewer
from accounts.models import ApiKey, User
from accounts.oauth.models import AppGrant
from accounts.services.api_keys import key_holder
from accounts.services.credentials import check_credentials
from accounts.services.sessions import start_session, tokens_of
from accounts.services.tickets import consume_ticket
from accounts.tests import securing
from accounts.tests.conftest import Client
from accounts.tests.links import token_in
from accounts.tests.securing import PASSWORD, Step, Victim, works
from common.testing import run_due_tasks

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6
WAYS = [
    securing.reset, securing.change, securing.change_in_admin, securing.sign_out_everywhere,
    securing.deactivate_for_a_while, securing.change_address,
]  # fmt: skip
numbers = itertools.count()


# Each gets ready and returns what runs beside the securing; that returns what is tried when both are over, if anything.
Maker = Callable[[Victim], Callable[[], Step | None]]


def api_key(one: Victim) -> Callable[[], Step | None]:
    def make() -> Step | None:
        answer = one.api.post("/api/keys/", {"name": "thief's"})
        return (lambda: key_holder(answer.json()["key"])) if answer.status_code == 201 else None

    return make


def ticket(one: Victim) -> Callable[[], Step | None]:
    def make() -> Step | None:
        answer = one.api.post("/api/ws-ticket/")
        return (lambda: load_viewer(consume_ticket(answer.json()["ticket"]))) if answer.status_code == 201 else None

    return make


def refreshed_tokens(one: Victim) -> Callable[[], Step | None]:
    def make() -> Step | None:
        answer = one.api.refresh()
        if answer.status_code != 200:
            return None
        again = Client().bear(answer.json()["access"])
        again.cookie = one.api.cookie
        return lambda: works(lambda: again.get("/api/users/self/")) or works(again.refresh)

    return make


def session_of_an_old_check(one: Victim) -> Callable[[], Step | None]:
    checked = check_credentials(one.user.email, PASSWORD, None)

    def make() -> Step | None:
        tokens = tokens_of(start_session(checked, one.client))
        return lambda: Client().bear(tokens.access).get("/api/users/self/")

    return make


def page_session_of_an_old_check(one: Victim) -> Callable[[], Step | None]:
    checked = check_credentials(one.user.email, PASSWORD, None)

    def make() -> Step | None:
        one.page.logout()
        one.page.force_login(checked, "accounts.backends.EmailBackend")
        return lambda: one.page.get("/accounts/profile/")

    return make


def changed_address(one: Victim) -> Callable[[], Step | None]:
    def make() -> Step | None:
        target = f"thief-{one.user.email}"
        answer = one.api.post("/api/change-email/", {"email": target, "password": PASSWORD})
        return (lambda: _changed(target)) if answer.status_code == 202 else None

    return make


def _changed(target: str) -> Any:
    run_due_tasks()
    sent = [each for each in mail.outbox if each.to == [target]]
    return sent and Client().post("/api/confirmation-email/confirm/", {"token": token_in(sent[-1])})


def grant(one: Victim) -> Callable[[], Step | None]:
    client, query = securing.oauth_client()

    def make() -> Step | None:
        answer = one.page.post("/oauth/authorize/", {"answer": "allow"}, query_params=query)
        code = parse_qs(urlsplit(answer.get("Location", "")).query).get("code")
        return code and (lambda: securing.oauth_token(client, grant_type="authorization_code", code=code[0]))  # type: ignore[return-value]

    return make


def tokens_of_a_code(one: Victim) -> Callable[[], Step | None]:
    client, code = securing.oauth_code_of(one)
    return lambda: _tried_again(client, grant_type="authorization_code", code=code)


def refreshed_tokens_of_an_app(one: Victim) -> Callable[[], Step | None]:
    client, code = securing.oauth_code_of(one)
    tokens = securing.oauth_token(client, grant_type="authorization_code", code=code).json()
    return lambda: _tried_again(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])


def _tried_again(client: dict[str, str], **form: str) -> Step | None:
    answer = securing.oauth_token(client, **form)
    if answer.status_code != 200:
        return None
    tokens = answer.json()
    return lambda: (
        works(lambda: securing.grant_for(tokens["access_token"], securing.api_resource()))
        or works(
            lambda: securing.oauth_token(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        )
    )


MAKERS: list[Maker] = [
    api_key, ticket, refreshed_tokens, session_of_an_old_check, page_session_of_an_old_check, changed_address, grant,
    tokens_of_a_code, refreshed_tokens_of_an_app,
]  # fmt: skip


@pytest.fixture
def victims(settings) -> Iterator[Callable[[], Victim]]:
    settings.MAILS_PER_HOUR = settings.LOGIN_FAILURES = settings.LOGIN_FAILURES_NETWORK = 10_000
    settings.OAUTH_TOKENS_PER_MINUTE = settings.OAUTH_AUTHORIZE_PER_MINUTE = 10_000
    staff = User.objects.create_superuser("root@example.com", "a long passphrase")
    return lambda: Victim(f"victim{next(numbers)}", staff, Client())


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Begin calls together, give or take a few milliseconds; return what they return."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(20)
            time.sleep(random.random() * 0.015)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


@pytest.mark.parametrize("secure", WAYS)
@pytest.mark.parametrize("prepare", MAKERS)
def test_no_credential_survives_that_is_made_meanwhile(victims, prepare, secure) -> None:
    for _ in range(ROUNDS):
        one = victims()
        make = prepare(one)
        made: list[Step] = []

        def attempt(make=make, made=made) -> None:
            def keep() -> bool:
                made.append(make() or (lambda: False))
                return True

            works(keep)

        at_once(attempt, lambda one=one: secure(one))

        assert [step for step in made if works(step)] == []
        assert not ApiKey.objects.filter(user=one.user, session__ended_at=None).exists()
        assert not AppGrant.objects.alive().filter(user=one.user).exists()
