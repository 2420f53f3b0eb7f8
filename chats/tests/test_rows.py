"""The columns of a message row are named in one place, and they are those of the model."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.models import User
from chats.models import Chat, Message
from chats.rows import COLUMNS, MessageRow, columns, insert, row_of, update
from common.ids import uuid7
from common.sql import run_all

NOW = datetime(2026, 5, 1, 10, 11, 12, 131415, tzinfo=UTC)
TEXTS = {"content", "reasoning", "parts"}  # read and written as parts


def test_the_columns_are_those_of_the_model() -> None:
    assert {field.column for field in Message._meta.concrete_fields} == {*COLUMNS, *TEXTS, "chat_id"}


@pytest.mark.django_db
def test_what_is_inserted_is_read_again() -> None:
    owner = User.objects.create(email="row@example.org")
    chat = Chat.objects.create(owner=owner, created_at=NOW, updated_at=NOW)
    given = MessageRow(
        id=uuid7(), number=1, client_id="m1", parent=None, role="assistant", state="streaming", reason="r", model="m",
        provider="p", prompt_tokens=3, completion_tokens=4, created_at=NOW, reasoning_seconds=[1.5, None],
        parts=[("text", "a"), ("reasoning", "b"), ("text", "c")],
    )  # fmt: skip

    run_all(insert(chat.pk, [given]))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns()} FROM chats_message m WHERE m.id = %s", [given.id])
        found = row_of(cursor.fetchone())

    assert found == given


@pytest.mark.django_db
def test_an_update_sets_what_is_given_and_keeps_the_rest() -> None:
    owner = User.objects.create(email="row@example.org")
    chat = Chat.objects.create(owner=owner, created_at=NOW, updated_at=NOW)
    stored = Message.objects.create(chat=chat, number=1, role="assistant", model="before", created_at=NOW)

    class Values:
        state, reason, model, prompt_tokens, reasoning_seconds = "complete", "stop", "", 7, [0.5]

    returned = run_all([update(Values, [("text", "done")], "id = %s", [stored.pk])])[0]

    stored.refresh_from_db()
    assert (stored.state, stored.reason, stored.model, stored.prompt_tokens) == ("complete", "stop", "before", 7)
    assert (stored.content, stored.reasoning_seconds) == ("done", [0.5])
    assert (row_of(returned[0]).id, row_of(returned[0]).parts) == (stored.pk, [])
