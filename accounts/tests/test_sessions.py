"""The life of a session family: rotation, grace, reuse, idle and absolute ends."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.models import Session
from accounts.tests.conftest import Client

pytestmark = pytest.mark.django_db


def later(**how: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**how), tick=True)


def status_of_self(client: Client) -> int:
    return client.get("/api/users/self/").status_code


def test_refreshing_rotates_the_cookie_and_gives_a_new_access_token(as_alice):
    first = as_alice.cookie

    response = as_alice.refresh()

    assert response.status_code == 200
    assert set(response.json()) == {"access"}
    assert as_alice.cookie != first
    assert as_alice.cookie not in response.content.decode()
    assert status_of_self(as_alice.bear(response.json()["access"])) == 200


def test_a_superseded_cookie_gets_the_same_successor_within_the_grace(as_alice):
    first = as_alice.cookie
    as_alice.refresh()
    successor = as_alice.cookie

    as_alice.cookie = first
    response = as_alice.refresh()

    assert response.status_code == 200
    assert as_alice.cookie == successor


def test_a_superseded_cookie_after_the_grace_ends_the_family_and_its_access_tokens(as_alice):
    stolen = as_alice.cookie
    access = as_alice.refresh().json()["access"]
    successor = as_alice.cookie

    with later(seconds=11):
        as_alice.cookie = stolen
        assert as_alice.refresh().json()["code"] == "refresh_invalid"
        as_alice.cookie = successor
        assert as_alice.refresh().status_code == 401
        assert status_of_self(as_alice.bear(access)) == 401
    assert Session.objects.get().end_reason == "reuse"


def test_the_grace_is_for_one_generation_only(as_alice):
    first = as_alice.cookie
    as_alice.refresh()
    as_alice.refresh()

    as_alice.cookie = first

    assert as_alice.refresh().status_code == 401
    assert Session.objects.get().end_reason == "reuse"


def test_reuse_ends_one_family_and_leaves_other_devices_alone(alice, as_alice, make_client):
    other = make_client()
    other.sign_in(alice.email)
    stolen = as_alice.cookie
    as_alice.refresh()

    with later(seconds=11):
        as_alice.cookie = stolen
        as_alice.refresh()

        assert other.refresh().status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "." * 50, "é" * 40, "x" * 5000, "0" * 32 + ".0.x"])
def test_what_is_no_refresh_token_of_ours_is_401(api, db, cookie):
    api.cookie = cookie

    response = api.refresh()

    assert response.status_code == 401
    assert response.json()["code"] == "refresh_invalid"


def test_a_forged_token_does_not_end_the_session_it_names(as_alice):
    genuine = as_alice.cookie
    as_alice.cookie = genuine.rpartition(".")[0] + ".AAAA"

    assert as_alice.refresh().status_code == 401

    as_alice.cookie = genuine
    assert as_alice.refresh().status_code == 200


def test_a_session_ends_after_14_idle_days(as_alice):
    with later(days=13, hours=23):
        assert as_alice.refresh().status_code == 200
    with later(days=28):
        assert as_alice.refresh().status_code == 401


def test_a_session_ends_after_90_days_however_busy(as_alice):
    for day in range(10, 90, 10):
        with later(days=day):
            assert as_alice.refresh().status_code == 200
    with later(days=89, hours=23):
        access = as_alice.refresh().json()["access"]
    with later(days=90, minutes=1):
        assert as_alice.refresh().status_code == 401
        assert status_of_self(as_alice.bear(access)) == 401


def test_an_access_token_lives_ten_minutes(as_alice):
    with later(minutes=9, seconds=50):
        assert status_of_self(as_alice) == 200
    with later(minutes=10, seconds=1):
        assert as_alice.get("/api/users/self/").json()["code"] == "token_invalid"


def test_only_hashes_of_refresh_tokens_are_stored(as_alice):
    row = Session.objects.values().get()

    assert as_alice.cookie not in str(row)
    assert len(row["current_hash"]) == 64


def test_refreshing_twice_from_a_body_or_a_header_is_not_possible(as_alice, make_client):
    other = make_client()

    response = other.post("/api/token/refresh/", {"refresh": as_alice.cookie})

    assert response.status_code == 401


@pytest.mark.django_db(transaction=True)
def test_sixteen_parallel_refreshes_with_one_cookie_leave_exactly_one_live_chain(as_alice):
    cookie, barrier, answers = as_alice.cookie, threading.Barrier(16), []

    def racer() -> None:
        client = Client()
        client.cookie = cookie
        barrier.wait()
        response = client.refresh()
        answers.append((response.status_code, client.cookie))
        connections.close_all()

    run([racer] * 16)

    assert {status for status, _ in answers} == {200}
    assert len({successor for _, successor in answers}) == 1
    assert Session.objects.alive().get().generation == 1
    as_alice.cookie = answers[0][1]
    assert as_alice.refresh().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_logout_that_races_refreshes_wins(as_alice):
    cookie, access = as_alice.cookie, []

    def racer() -> None:
        client = Client()
        client.cookie = cookie
        response = client.refresh()
        access.extend([response.json()["access"]] if response.status_code == 200 else [])
        connections.close_all()

    def leaver() -> None:
        client = Client()
        client.cookie = cookie
        assert client.post("/api/logout/").status_code == 204
        connections.close_all()

    run([racer, racer, leaver, racer, racer])

    assert not Session.objects.alive().exists()
    assert [status_of_self(as_alice.bear(token)) for token in access] == [401] * len(access)


def run(racers: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=racer) for racer in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
