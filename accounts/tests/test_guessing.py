"""Guessing is limited, over all doors together."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisAway

from accounts.security.counters import Limiter, forget_limiter
from accounts.tests.conftest import PASSWORD, Client

pytestmark = pytest.mark.django_db
EMAIL = "alice@example.com"


def guess(client: Client | None = None, password: str = "wrong", address: str = "192.0.2.1", email: str = EMAIL) -> int:
    body = {"email": email, "password": password}
    return (client or Client()).post("/api/token/", body, REMOTE_ADDR=address).status_code


def test_the_eleventh_guess_in_a_quarter_of_an_hour_is_refused_even_if_right(alice):
    assert [guess() for _ in range(10)] == [401] * 10

    response = Client().post("/api/token/", {"email": EMAIL, "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")

    assert response.status_code == 429
    assert response.json()["code"] == "too_many_attempts"
    assert 0 < int(response["Retry-After"]) <= 900


def test_the_owner_gets_in_from_elsewhere_and_soon_from_here(alice):
    for _ in range(12):
        guess()

    assert guess(password=PASSWORD, address="198.51.100.1") == 200
    assert guess(password=PASSWORD) == 429
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert guess(password=PASSWORD) == 200


def test_a_right_password_forgives_the_wrong_ones_before_it(alice):
    for _ in range(3):
        assert [guess() for _ in range(9)] == [401] * 9
        assert guess(password=PASSWORD) == 200


def test_one_network_cannot_try_many_accounts(alice, settings):
    settings.LOGIN_FAILURES_NETWORK = 20

    answers = [guess(email=f"user{n}@example.com") for n in range(21)]

    assert answers == [401] * 20 + [429]
    assert guess(password=PASSWORD) == 429
    assert guess(password=PASSWORD, address="198.51.100.1") == 200


def test_right_passwords_do_not_use_the_network_up(alice, settings):
    settings.LOGIN_FAILURES_NETWORK = 3

    assert [guess(password=PASSWORD) for _ in range(6)] == [200] * 6


def test_headers_and_spellings_do_not_evade_the_limit(alice):
    client = Client()
    for n in range(10):
        email = [EMAIL, "ALICE@example.com", "ａlice@example.com"][n % 3]
        client.post(
            "/api/token/",
            {"email": email, "password": "wrong"},
            REMOTE_ADDR="192.0.2.1",
            HTTP_X_FORWARDED_FOR=f"203.0.113.{n}",
            HTTP_FORWARDED=f"for=203.0.113.{n}",
            HTTP_USER_AGENT=str(n),
        )

    assert guess() == 429


def test_a_64_of_ipv6_addresses_is_one_network(alice):
    for n in range(10):
        guess(address=f"2001:db8:0:1::{n:x}")

    assert guess(address="2001:db8:0:1:ffff::1") == 429
    assert guess(address="2001:db8:0:2::1") == 401


def test_all_doors_count_together(alice, make_client):
    user = make_client()
    assert guess(user, PASSWORD) == 200
    user.bear(
        user.post("/api/token/", {"email": EMAIL, "password": PASSWORD}, REMOTE_ADDR="192.0.2.1").json()["access"]
    )
    browser = Browser(REMOTE_ADDR="192.0.2.1")
    wrong = {"email": EMAIL, "username": EMAIL, "password": "wrong"}
    change = {"old_password": "wrong", "new_password": "long enough, new"}

    for _ in range(2):
        guess()
        browser.post("/accounts/sign-in/", wrong)
        browser.post("/admin/login/", wrong)
        user.post("/api/change-password/", change, REMOTE_ADDR="192.0.2.1")
        user.delete("/api/users/self/", {"password": "wrong"}, REMOTE_ADDR="192.0.2.1")

    assert guess() == 429
    assert user.post("/api/change-password/", change, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert browser.post("/accounts/sign-in/", {**wrong, "password": PASSWORD}).status_code == 429
    assert b"Too many attempts" in browser.post("/admin/login/", {**wrong, "password": PASSWORD}).content


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_do_not_slip_through(alice):
    barrier, answers = threading.Barrier(24), []

    def guesser() -> None:
        barrier.wait()
        answers.append(guess())
        connections.close_all()

    threads = [threading.Thread(target=guesser) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(answers) == [401] * 10 + [429] * 14


def test_while_redis_is_away_each_process_counts_for_itself(alice, settings, monkeypatch, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    forget_limiter()

    assert [guess() for _ in range(11)] == [401] * 10 + [429]
    assert caplog.text.count("Redis is away") == 1


def test_redis_is_used_again_when_it_is_back():
    subject, is_away, used = Limiter("redis://127.0.0.1:1/0", "test_parley:back"), True, []

    def operation(counters: object) -> None:
        if counters is subject._redis and is_away:
            raise RedisAway
        used.append("redis" if counters is subject._redis else "memory")

    subject._count(operation)
    is_away = False
    subject._count(operation)  # not asked again for some seconds
    subject._redis_away_until = 0.0
    subject._count(operation)

    assert used == ["memory", "memory", "redis"]
