"""Whom the word of a provider signs in; the way there is in test_social.py."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.errors import TooManyAttempts
from accounts.models import User
from accounts.security.network import ClientInfo
from accounts.social import account_linking
from accounts.social.account_linking import ConfirmFirst, Deactivated, NothingVerified, user_of
from accounts.social.setup import providers

pytestmark = pytest.mark.django_db


def test_a_confirmed_account_of_the_address_in_any_case(alice):
    assert user_of(["Alice@Example.com"], ClientInfo()) == alice


def test_an_unconfirmed_account_lets_nobody_in_and_stays_as_it_is(alice):
    User.objects.update(is_email_confirmed=False)

    with pytest.raises(ConfirmFirst):
        user_of([alice.email], ClientInfo())
    alice.refresh_from_db()
    assert not alice.is_email_confirmed
    assert User.objects.count() == 1


def test_a_deactivated_account(alice):
    User.objects.update(is_active=False)

    with pytest.raises(Deactivated):
        user_of([alice.email], ClientInfo())


def test_a_new_account_is_confirmed_and_has_no_password(db):
    user = user_of(["new@example.org"], ClientInfo())

    assert (user.email, user.is_email_confirmed, user.has_usable_password()) == ("new@example.org", True, False)
    assert user.profile.timezone == "UTC"
    assert user_of(["new@example.org"], ClientInfo()) == user


def test_of_several_addresses_one_with_a_confirmed_account_wins_and_an_unconfirmed_one_forbids_a_new_account(
    alice, bob
):
    assert user_of(["new@example.org", alice.email], ClientInfo()) == alice
    User.objects.filter(pk=bob.pk).update(is_email_confirmed=False)
    assert user_of([bob.email, alice.email], ClientInfo()) == alice
    with pytest.raises(ConfirmFirst):
        user_of(["new@example.org", bob.email], ClientInfo())
    assert User.objects.count() == 2


@pytest.mark.parametrize("verified", [[], ["nonsense"], [""], ["a\0b@example.org"], [f"{'a' * 250}@example.org"]])
def test_without_a_verified_address_that_is_one(verified, db):
    with pytest.raises(NothingVerified):
        user_of(verified, ClientInfo())
    assert not User.objects.exists()


@pytest.mark.parametrize("lookalike", ["ａlice@example.com", "alıce@example.com", "alice@example.com\u200b"])
def test_a_look_alike_of_an_address_is_another_mailbox(lookalike, alice):
    try:
        found = user_of([lookalike], ClientInfo())
    except NothingVerified:
        found = None
    assert found != alice


def test_the_kelvin_sign_is_no_k(alice):
    User.objects.create_user("kim@example.com", is_email_confirmed=True)

    with pytest.raises(NothingVerified):
        user_of(["\u212aim@example.com"], ClientInfo())


def test_who_comes_twice_at_once_gets_one_account(db, monkeypatch):
    first = user_of(["new@example.org"], ClientInfo())
    answers = iter([None, first])
    monkeypatch.setattr(account_linking, "_account_of", lambda address: next(answers))

    assert user_of(["new@example.org"], ClientInfo()) == first
    assert User.objects.count() == 1


def test_new_accounts_count_as_registrations(db, settings):
    settings.REGISTRATIONS_PER_HOUR = 1
    user_of(["one@example.org"], ClientInfo())

    with pytest.raises(TooManyAttempts):
        user_of(["two@example.org"], ClientInfo())
    assert user_of(["one@example.org"], ClientInfo()).email == "one@example.org"


@pytest.mark.parametrize("pair", [("id", ""), ("", "secret")])
def test_half_a_pair_of_keys_stops_the_start(pair):
    with pytest.raises(ImproperlyConfigured, match="GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET"):
        providers({"google": ("", ""), "github": pair})
