"""One account guessed at from many networks, through every door that takes a password, on memory and on Redis."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as own
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import User
from accounts.security.counters import forget_limiter
from accounts.security.known_devices import LIFETIME
from accounts.tests.conftest import PASSWORD, Client
from accounts.tests.links import token_in

pytestmark = pytest.mark.django_db
EMAIL, CEILING = "alice@example.com", 6
Door = Callable[..., Any]


@pytest.fixture(autouse=True, params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def _low_ceiling(request: Any, settings: Any) -> None:
    if request.param == "redis" and not own.REDIS_URL:
        pytest.skip("needs REDIS_URL")
    settings.REDIS_URL = own.REDIS_URL if request.param == "redis" else ""
    settings.LOGIN_FAILURES_ACCOUNT = CEILING
    forget_limiter()


def network(n: int) -> str:
    return f"198.51.{n // 200}.{n % 200 + 1}"


# --- Doors where somebody comes in: client, password, network ---
def api(client: Any, password: str, where: str, email: str = EMAIL) -> Any:
    body = {"email": email, "password": password}
    return client.post("/api/token/", body, content_type="application/json", REMOTE_ADDR=where)


def page(client: Any, password: str, where: str, email: str = EMAIL) -> Any:
    return client.post("/accounts/sign-in/", {"email": email, "password": password}, REMOTE_ADDR=where)


def admin(client: Any, password: str, where: str, email: str = EMAIL) -> Any:
    return client.post("/admin/login/", {"username": email, "password": password}, REMOTE_ADDR=where)


# --- Doors that ask somebody who is signed in again ---
def asked_again(method: str, path: str, password_field: str = "password", **values: str) -> Door:
    def door(client: Any, password: str, where: str) -> Any:
        body = {**values, password_field: password}
        kind = {} if path.startswith("/accounts/") else {"content_type": "application/json"}
        return getattr(client, method)(path, body, REMOTE_ADDR=where, **kind)

    door.__name__ = f"{method} {path}"
    return door


NEW = {"new_password": "another good passphrase"}
ENTRANCES = [api, page, admin]
API_AGAIN = [
    asked_again("post", "/api/change-password/", "old_password", **NEW),
    asked_again("post", "/api/change-email/", email="new@example.com"),
    asked_again("delete", "/api/users/self/"),
]
PAGES_AGAIN = [
    asked_again("post", "/accounts/password/", "old_password", **NEW),
    asked_again("post", "/accounts/email/", email="new@example.com"),
    asked_again("post", "/accounts/delete/"),
]
COMES_IN = (200, 302)


@pytest.fixture
def staff(alice: User) -> User:
    alice.is_staff = True
    alice.save()
    return alice


def attack(door: Door = api, tries: int = CEILING + 4, email: str = EMAIL) -> list[int]:
    """Guess once from each of many networks; the admin shows a wrong password with status 200."""
    return [door(Browser(), "wrong", network(n), email=email).status_code for n in range(tries)]


@pytest.mark.parametrize("door", ENTRANCES)
def test_many_networks_share_what_an_account_has_left(staff: User, door: Door) -> None:
    answers = attack(door)

    assert answers.count(429) == 4
    assert answers[CEILING:] == [429] * 4
    for other in ENTRANCES:  # with the right password, too
        refused = other(Browser(), PASSWORD, "203.0.113.77")
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 3600


def test_it_ends_by_itself(staff: User) -> None:
    if own.REDIS_URL:
        pytest.skip("Redis has a clock of its own")
    attack()

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert api(Browser(), PASSWORD, "203.0.113.77").status_code == 200


def test_nobody_learns_whether_there_is_an_account(staff: User) -> None:
    assert attack() == attack(email="nobody@example.com")


@pytest.mark.parametrize("back", ENTRANCES)
@pytest.mark.parametrize("first", ENTRANCES)
def test_a_device_that_was_signed_in_before_gets_in_during_an_attack(staff: User, first: Door, back: Door) -> None:
    device = Browser(headers={"user-agent": "the owner's"})
    assert first(device, PASSWORD, "203.0.113.1").status_code in COMES_IN
    device.post("/accounts/sign-out/")
    device.post("/api/logout/")
    attack()

    assert back(Browser(), PASSWORD, "203.0.113.1").status_code == 429
    assert back(device, "a typing mistake", "203.0.113.1").status_code != 429
    answer = back(device, PASSWORD, "203.0.113.2")
    assert answer.status_code in COMES_IN
    assert answer.cookies


def test_other_devices_stay_known_beside_one_another_and_to_two_accounts(alice: User, bob: User) -> None:
    device = Browser()
    for email in (EMAIL, bob.email, EMAIL):
        assert api(device, PASSWORD, "203.0.113.1", email).status_code == 200
    for email in (EMAIL, bob.email):
        attack(email=email)
        assert api(device, PASSWORD, "203.0.113.1", email).status_code == 200


def test_a_known_device_has_a_ceiling_of_its_own(alice: User) -> None:
    stolen, other = Browser(), Browser()
    for device in (stolen, other):
        api(device, PASSWORD, "203.0.113.1")

    answers = [api(stolen, "wrong", network(n)).status_code for n in range(CEILING + 2)]

    assert answers == [401] * CEILING + [429] * 2
    assert api(other, PASSWORD, "203.0.113.1").status_code == 200
    assert api(Browser(), PASSWORD, "203.0.113.1").status_code == 200


def test_no_cookie_but_ones_own_makes_a_device_known(alice: User, bob: User) -> None:
    bobs = Browser()
    api(bobs, PASSWORD, "203.0.113.1", bob.email)
    alices = Browser()
    api(alices, PASSWORD, "203.0.113.1")
    [name] = [name for name in alices.cookies if name.startswith(own.DEVICE_COOKIE)]
    [bobs_name] = [name for name in bobs.cookies if name.startswith(own.DEVICE_COOKIE)]
    genuine, of_bob = alices.cookies[name].value, bobs.cookies[bobs_name].value
    attack()

    for wrong in (of_bob, "", "x", genuine[:-1], "x" + genuine, genuine.partition(":")[0], genuine.upper(), "é:é:é"):
        stranger = Browser()
        stranger.cookies[name] = wrong
        assert api(stranger, PASSWORD, "203.0.113.9").status_code == 429, wrong
    with time_machine.travel(timezone.now() + LIFETIME + timedelta(days=1)):
        attack()
        assert api(alices, PASSWORD, "203.0.113.9").status_code == 429


def test_the_cookie_is_no_credential_and_tells_nothing(alice: User) -> None:
    device = Browser()
    answer = api(device, PASSWORD, "203.0.113.1")
    [cookie] = [cookie for name, cookie in answer.cookies.items() if name.startswith(own.DEVICE_COOKIE)]

    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert not cookie["domain"]
    assert "alice" not in cookie.value
    only = Browser()
    only.cookies[cookie.key] = cookie.value
    assert only.get("/api/users/self/").status_code == 401
    assert only.get("/accounts/profile/").status_code == 302


def test_right_passwords_use_nothing_up(alice: User) -> None:
    answers = [api(Browser(), PASSWORD, network(n)).status_code for n in range(2 * CEILING)]

    assert answers == [200] * 2 * CEILING


def test_the_owners_coming_and_going_gives_guessers_nothing(alice: User) -> None:
    assert attack(tries=CEILING - 1) == [401] * (CEILING - 1)
    assert api(Browser(), PASSWORD, "203.0.113.1").status_code == 200

    assert attack(tries=2) == [401, 429]


@pytest.mark.parametrize("again", API_AGAIN, ids=lambda door: door.__name__)
def test_who_is_signed_in_can_act_during_an_attack_and_not_guess_for_ever(alice: User, again: Door) -> None:
    signed_in = Client()
    access = signed_in.sign_in(EMAIL).json()["access"]
    bare = Browser(headers={"authorization": f"Bearer {access}"})  # keeps no cookies
    attack()

    for client in (bare, Browser(headers={"authorization": f"Bearer {access}"})):
        assert again(client, "wrong", "203.0.113.1").status_code == 400
    answers = [again(bare, "wrong", network(n)).status_code for n in range(50, 50 + CEILING)]
    assert answers == [400] * (CEILING - 2) + [429] * 2


@pytest.mark.parametrize("again", PAGES_AGAIN, ids=lambda door: door.__name__)
def test_who_is_signed_in_on_the_pages_can_act_too(alice: User, again: Door) -> None:
    browser = Browser()
    page(browser, PASSWORD, "203.0.113.1")
    attack()

    answers = [again(browser, "wrong", network(n)).status_code for n in range(50, 50 + CEILING)]
    assert answers == [400] * CEILING
    assert again(browser, "wrong", "203.0.113.3").status_code == 429


def test_a_link_from_the_mailbox_opens_the_way_for_a_new_device(alice: User, outbox: Any) -> None:
    new = Client()
    new.post("/api/password-reset/", {"email": EMAIL})
    [message] = outbox()
    attack()
    body = {"token": token_in(message), "password": "a wholly new passphrase"}
    assert new.post("/api/password-reset/confirm/", body).status_code == 200

    assert new.sign_in(EMAIL, "a wholly new passphrase").status_code == 200
    assert Client().sign_in(EMAIL, "a wholly new passphrase").status_code == 429


CHECKS = re.compile(r"check_password\(|contrib\.auth import .*\bauthenticate\b|ModelBackend\)")
KNOWN = {
    "accounts/backends.py",  # both count before they check
    "accounts/services/credentials.py",
    "accounts/oauth/clients.py",  # secrets of apps, counted on their own
}


def test_no_other_code_compares_passwords() -> None:
    apps = ("accounts", "chats", "common", "compat", "config", "feed", "llm", "notes", "streamchat", "tools", "usage")
    files = [file for app in apps for file in Path(own.BASE_DIR, app).rglob("*.py") if "tests" not in file.parts]

    found = {str(file.relative_to(own.BASE_DIR)) for file in files if CHECKS.search(file.read_text())}

    assert found == KNOWN
