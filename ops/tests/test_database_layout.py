"""`serve` refuses a database of another layout, and says what to do."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ops.database_layout import layout_problem

pytestmark = pytest.mark.django_db


def test_a_database_of_this_version_has_no_problem() -> None:
    assert layout_problem() == ""


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("ALTER TABLE usage_counter RENAME COLUMN tokens TO was_tokens", "usage_counter.tokens"),
        ("ALTER TABLE chats_chunk RENAME TO chats_piece", "chats_chunk"),
    ],
)
def test_serve_refuses_another_layout(change: str, missing: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)

    with pytest.raises(CommandError, match=missing) as refused:
        call_command("serve", port=0)

    assert "start again" in str(refused.value)
