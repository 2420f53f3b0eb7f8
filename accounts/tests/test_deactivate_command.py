"""`manage.py deactivate`."""

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_an_account_is_deactivated_by_its_address_in_any_letter_case(as_alice, capsys):
    call_command("deactivate", "ALICE@example.com")

    assert "alice@example.com is deactivated." in capsys.readouterr().out
    assert as_alice.refresh().status_code == 401


def test_an_unknown_address_is_told():
    with pytest.raises(CommandError):
        call_command("deactivate", "nobody@example.com")
