"""Securing an account voids whatever was asked for before and has not happened yet: every way, every kind."""

from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.tests.conftest import Client
from accounts.tests.securing import EFFECTS, WAYS, Victim, works
from common.tests.sample_tasks import calls

pytestmark = pytest.mark.django_db


@pytest.fixture
def victims(settings) -> Callable[[], dict[str, Victim]]:
    """Return a maker of one victim for each kind of effect."""
    settings.REGISTRATIONS_PER_HOUR = settings.MAILS_PER_HOUR = settings.LOGIN_FAILURES = 10_000
    settings.LOGIN_FAILURES_NETWORK = 10_000
    calls.clear()
    staff = User.objects.create_superuser("root@example.com", "a long passphrase")
    return lambda: {name: Victim(f"victim{number}", staff, Client()) for number, name in enumerate(EFFECTS)}


def test_all_of_it_works_while_nothing_is_secured(victims) -> None:
    steps = {name: EFFECTS[name](victim) for name, victim in victims().items()}

    assert [name for name, step in steps.items() if not works(step)] == []


@pytest.mark.parametrize("secure", WAYS)
def test_nothing_of_it_works_afterwards(victims, secure) -> None:
    everybody = victims()
    steps = {name: EFFECTS[name](victim) for name, victim in everybody.items()}
    for victim in everybody.values():
        epoch = victim.fresh().credential_epoch
        secure(victim)
        assert victim.fresh().credential_epoch > epoch

    assert [name for name, step in steps.items() if works(step)] == []


def test_a_stale_copy_does_not_lower_the_epoch(alice) -> None:
    stale = User.objects.get(pk=alice.pk)
    alice.secure("signed_out_everywhere")
    stale.username = "somebody"
    stale.save()

    assert User.objects.get(pk=alice.pk).credential_epoch == alice.credential_epoch == stale.credential_epoch


def test_what_is_no_matter_of_credentials_voids_nothing(alice) -> None:
    before = alice.credential_epoch
    alice.username = "other"
    alice.is_email_confirmed = False
    alice.save()
    alice.save(update_fields=["last_login"])
    alice.check_password("wrong")

    assert User.objects.get(pk=alice.pk).credential_epoch == before
