"""`manage.py reindex`, the tables that no model describes, and words that leave the file."""

import asyncio
import sqlite3
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chats.models import Change
from chats.services.chats import change_chat, delete_chat
from chats.tests.helpers import eventually, settle
from common.executor import close_database
from common.sql import is_postgresql
from search.documents import delete_documents
from search.erasing import erase_deleted_terms
from search.models import Document
from search.tests.helpers import found, index_all, new_chat, new_user, texts

pytestmark = pytest.mark.django_db(transaction=True)


def reindexed() -> str:
    out = StringIO()
    call_command("reindex", stdout=out)
    return out.getvalue()


def _is_forgotten(owner: Any) -> bool:
    """Forget what a server beside us may have indexed, and may just be writing."""
    delete_documents(Document.objects.all())
    return found(owner, "word") == []


def test_reindex_finds_what_the_log_does_not_know(settings: Any) -> None:
    owner, other = new_user(), new_user()
    for one in (owner, other):
        new_chat(one, [f"word {number}" for number in range(130)], title="A title")
    Change.objects.all().delete()
    eventually(lambda: _is_forgotten(owner))

    for _ in range(2):
        assert "262 titles, messages and notes are indexed." in reindexed()
        assert (len(found(owner, "word", 200)), len(found(owner, "title"))) == (130, 1)
        assert len(found(other, "word", 200)) == 130

    settings.SEARCH = False
    assert "262 documents are gone." in reindexed()
    assert not Document.objects.exists()


def test_reindex_replaces_terms_that_were_made_otherwise() -> None:
    owner = new_user()
    new_chat(owner, ["right"])
    settle()
    index_all()
    if is_postgresql():
        statement = "UPDATE search_document SET terms = %s::tsvector"
    else:
        statement = "UPDATE search_terms SET terms = %s"
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"'{owner.pk}:wrong'" if is_postgresql() else f"{owner.pk}:wrong"])
    assert [texts(found(owner, q)) for q in ("right", "wrong")] == [[], ["right"]]

    reindexed()

    assert [texts(found(owner, q)) for q in ("right", "wrong")] == [["right"], []]


def test_what_no_model_describes_is_there() -> None:
    """A table that SQLite makes anew, as it does for every altered field, loses its triggers without a word."""
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'search_terms'")
            assert "gin (terms) WITH (fastupdate=off)" in cursor.fetchone()[0]
        else:
            cursor.execute("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name = 'search_terms_gone'")
            assert cursor.fetchone() == ("search_document",)


def test_the_migrations_lead_back_and_forth() -> None:
    for targets in ([("search", None)], [("search", "0002_terms")]):
        executor = MigrationExecutor(connection)
        executor.migrate(targets)
    owner = new_user()
    new_chat(owner, ["there again"])

    index_all()

    assert texts(found(owner, "again")) == ["there again"]


def test_deleted_words_leave_the_file() -> None:
    if is_postgresql():
        pytest.skip("VACUUM does it there")
    owner = new_user()
    # Enough that the words stand in segments of their own, which deletions alone would leave there.
    kept = [new_chat(owner, [f"kept{number} words{number}" for number in range(20)]) for _ in range(10)]
    chat = new_chat(owner, ["quetzalcoatl was here"] * 3, title="About quetzalcoatl")
    renamed = new_chat(owner, title="Another quetzalcoatl")
    index_all()
    assert occurrences("quetzalcoatl") > 0

    change_chat(owner.pk, renamed.pk, {"title": "No bird"})
    index_all()
    delete_chat(owner.pk, chat.pk)
    asyncio.run(erase_deleted_terms())
    close_database()

    assert occurrences("quetzalcoatl") == 0
    assert len(found(owner, "kept3")) == len(kept)


def occurrences(word: str) -> int:
    """Count a word in the whole file, free pages included."""
    name = str(connection.settings_dict["NAME"])
    connection.close()
    with sqlite3.connect(name) as own:
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    own.close()
    return Path(name).read_bytes().count(word.encode())
