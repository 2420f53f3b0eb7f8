"""Tokens for Stream end with every other way in."""

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from chats.turns.engine import server_loop
from streamchat.client import Client
from streamchat.errors import StreamError
from streamchat.identity import is_configured, stream_id
from streamchat.worker import worker

if TYPE_CHECKING:
    from getstream import AsyncStream

logger = logging.getLogger("parley.stream")


def revoke_later(user_id: int) -> None:
    """Have Stream refuse the user's tokens once the present transaction is committed; only a command waits for it."""
    if is_configured():
        transaction.on_commit(partial(_begin, user_id))


def _begin(user_id: int) -> None:
    if loop := server_loop():
        loop.call_soon_threadsafe(lambda: worker().begin(_revoke(worker().client, user_id)))
    else:
        asyncio.run(_revoke_alone(user_id))


async def _revoke_alone(user_id: int) -> None:
    client = Client()
    try:
        await _revoke(client, user_id)
    finally:
        await client.close()


async def _revoke(client: Client, user_id: int) -> None:
    async def call(sdk: "AsyncStream") -> Any:
        from getstream.models import UpdateUserPartialRequest

        before = timezone.now().isoformat()
        request = UpdateUserPartialRequest(id=stream_id(user_id), set={"revoke_tokens_issued_before": before})
        return await sdk.update_users_partial([request])

    try:
        await client.insist("user", call)
    except StreamError as error:  # somebody who never connected is unknown there
        logger.info("tokens of user %s not revoked on Stream: %s", user_id, error)
