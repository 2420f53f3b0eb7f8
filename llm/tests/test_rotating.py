"""`rotate_secrets` seals the keys of providers anew."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from common.secrets import seal, unseal
from common.tests.test_secrets import NEW, OLD
from llm.models import Provider


@pytest.mark.django_db
def test_rotate_secrets_moves_every_row_and_names_those_it_cannot(settings: Settings) -> None:
    settings.SECRETS_KEYS = (OLD,)
    one = Provider.objects.create(name="one", sealed_key=seal("k1"))
    Provider.objects.create(name="without")
    settings.SECRETS_KEYS = (NEW, OLD)

    call_command("rotate_secrets")

    settings.SECRETS_KEYS = (NEW,)
    one.refresh_from_db()
    assert unseal(one.sealed_key) == "k1"

    lost = Provider.objects.create(name="lost", sealed_key="gAAAAABnever")
    with pytest.raises(CommandError, match=f"llm.Provider {lost.pk}"):
        call_command("rotate_secrets")
