"""A new account: one per address, made together with its profile."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connections

from accounts.models import Profile, User
from accounts.tests.conftest import PASSWORD, Client

pytestmark = pytest.mark.django_db


def register(client: Client, **changes: object) -> object:
    return client.post("/api/register/", {"email": "new@example.com", "password": PASSWORD, **changes})


def test_registering_signs_in_and_keeps_the_refresh_token_out_of_the_body(api):
    response = register(api)

    assert response.status_code == 201
    assert set(response.json()) == {"access", "user"}
    assert response.json()["user"]["email"] == "new@example.com"
    assert api.cookie not in response.content.decode()
    assert api.bear(response.json()["access"]).get("/api/users/self/").status_code == 200


def test_the_refresh_cookie_cannot_be_read_by_script_nor_sent_by_other_sites_or_in_clear(api):
    cookie = register(api).cookies["__Secure-refresh"]

    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/api/"
    assert 13 * 86400 < cookie["max-age"] <= 14 * 86400


@pytest.mark.parametrize(
    "same", ["NEW@example.com", "new@EXAMPLE.COM", "new＠example.com", "ｎew@example.com", " new@example.com"]
)
def test_the_same_address_in_another_case_or_form_makes_no_second_account(api, same):
    register(api)

    response = register(api, email=same)

    assert response.status_code == 400
    assert "email" in response.json()["errors"]
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password123", "1234567890", "new@example.com"])
def test_weak_passwords_are_refused_at_their_field(api, password):
    response = register(api, password=password)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["password"]


@pytest.mark.parametrize("password", ["  spaces around  ", "пароль с пробелом", "🔑" * 32, "x1" * 64, "tab\tand\nline"])
def test_any_other_password_works_unaltered(api, password):
    assert register(api, password=password).status_code == 201

    assert api.sign_in("new@example.com", password).status_code == 200
    assert api.sign_in("new@example.com", password.strip() + "x").status_code == 401


def test_usernames_are_optional_and_unique_in_any_letter_case(api):
    assert register(api, username="Ann").json()["user"]["username"] == "Ann"
    assert register(api, email="b@example.com", username="ANN").json()["errors"]["username"]
    assert register(api, email="b@example.com", username="").json()["user"]["username"] is None
    assert register(api, email="c@example.com").json()["user"]["username"] is None


def test_privileges_cannot_be_registered(api):
    rights = {"is_staff": True, "is_superuser": True, "is_email_confirmed": True}

    answer = register(api, **rights)

    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(rights))
    assert not User.objects.exists()


@pytest.mark.parametrize("make", [
    lambda: User.objects.create_user("shell@example.com", PASSWORD),
    lambda: User.objects.create(email="shell@example.com"),
    lambda: call_command("createsuperuser", "--noinput", email="shell@example.com"),
])  # fmt: skip
def test_a_profile_comes_with_every_user_from_every_door(make):
    make()

    assert Profile.objects.get().user.email == "shell@example.com"


def test_createsuperuser_makes_a_confirmed_administrator(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", "--noinput", email="Root@example.com")

    root = User.objects.get_by_natural_key("rOOT@example.com")
    assert (root.is_staff, root.is_superuser, root.is_email_confirmed) == (True, True, True)
    assert root.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_registrations_one_account_results():
    def attempt(address: str) -> int:
        try:
            return register(Client(), email=address).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attempt, ["race@example.com", "RACE@example.com"] * 4))

    assert sorted(statuses) == [201] + [400] * 7
    assert User.objects.count() == Profile.objects.count() == 1


def test_one_network_cannot_register_without_end(api, settings):
    settings.REGISTRATIONS_PER_HOUR = 3

    answers = [register(api, email=f"{n}@example.com") for n in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_a_name_that_cannot_be_stored_is_refused_in_the_one_error_shape(api):
    answer = register(api, email="a\x00b@example.com", username="-x")

    problem = json.loads(answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    assert set(problem) >= {"type", "title", "status", "code", "detail", "correlation_id", "errors"}
    assert set(problem["errors"]) == {"email", "username"}
