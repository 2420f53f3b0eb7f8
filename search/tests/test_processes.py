"""Several processes that index at once, as every server process does, neither double nor miss."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction

from chats.models import Message
from chats.tests.helpers import settle
from common.sql import is_postgresql, run_all
from search.models import Document
from search.tests.helpers import add_message, index_all, new_chat, new_user

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
SECONDS, PROCESSES = 5, 3


def database_url() -> str:
    """Return the address of the database of the tests."""
    made = connection.settings_dict
    if is_postgresql():
        return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**made)
    return f"sqlite:///{made['NAME']}"


@contextmanager
def indexers(owner_id: int) -> Iterator[None]:
    environment = {**os.environ, "DATABASE_URL": database_url(), "SECRET_KEY": "of-a-test" * 8, "ENV_FILE": ""}
    command = [sys.executable, "-m", "search.tests.indexer", str(SECONDS), str(owner_id)]
    begun = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for process in begun:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield
        assert [process.wait(60) for process in begun] == [0] * PROCESSES
    finally:
        for process in begun:
            process.kill()
            process.communicate()


def test_processes_that_index_at_once_neither_double_nor_miss() -> None:
    owner, dice = new_user(), random.Random(1)
    chats = [new_chat(owner, title=f"chat {number}") for number in range(3)]

    with indexers(owner.pk):
        until = time.monotonic() + SECONDS - 1
        while time.monotonic() < until:
            with transaction.atomic():
                for _ in range(dice.randint(1, 4)):
                    add_message(dice.choice(chats), f"word{dice.randint(0, 9)} of many")
                transaction.set_rollback(dice.random() < 0.2)
            time.sleep(dice.random() * 0.02)
    settle()
    index_all()

    written = list(Message.objects.filter(chat__owner=owner).values_list("pk", flat=True))
    indexed = Counter(Document.objects.filter(owner_id=owner.pk).values_list("message_id", flat=True))
    assert len(written) > 50
    assert indexed.pop(None) == len(chats), "titles"
    assert indexed == Counter(written)
    if not is_postgresql():
        [[(terms,)]] = run_all([("SELECT count(*) FROM search_terms", [])])
        assert terms == Document.objects.count()
