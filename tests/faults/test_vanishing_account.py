"""Requests that were let in before their account was deleted, and write after it."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.faults.cluster import Cluster
from tests.faults.people import Person

pytestmark = pytest.mark.asyncio
REFERENCES = """
SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.confrelid = 'accounts_user'::regclass AND c.contype = 'f'
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
AI_SDK = {"id": "new", "messages": [{"id": "m", "role": "user", "parts": [{"type": "text", "text": "hello"}]}]}


async def _while_deleting(cluster: Cluster, email: str, call: Any) -> Any:
    """Delete an account's rows, begin a call that does not see that yet, and commit once it waits."""
    address = cluster.database_url.replace("postgres://", "postgresql://", 1)
    async with await psycopg.AsyncConnection.connect(address) as deletion:
        ((user_id,),) = cluster.sql("SELECT id FROM accounts_user WHERE email = ?", email)
        for table, column in cluster.sql(REFERENCES):
            await deletion.execute(f"DELETE FROM {table} WHERE {column} = %s", [user_id])
        await deletion.execute("DELETE FROM accounts_user WHERE id = %s", [user_id])
        calling = asyncio.create_task(call)
        while cluster.sql(WAITING) == [(0,)]:
            assert not calling.done(), calling.result()
            await asyncio.sleep(0.01)
    return await calling


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chats/", {}),
        ("/prompt_gpt/", {"chat_id": "8a6e0804-2bd0-4672-b79d-d97027f9071a", "content": "hello"}),
        ("/api/chat", AI_SDK),
        ("/api/ws-ticket/", {}),
        ("/api/notes/", {"content": "hello"}),
    ],
)
async def test_what_would_belong_to_nobody_is_refused(pair: Cluster, person: Person, path: str, body: Any) -> None:
    call = person.call("POST", person.bases[0], path, body)
    answer = await _while_deleting(pair, person.email, call)
    assert answer.status in (401, 404), answer
    assert answer.body["code"] in ("not_signed_in", "not_found")
