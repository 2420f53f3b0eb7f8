"""Tokens for Stream end with every other way in."""

import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from chats.turns.engine import engine
from streamchat.desk import desk
from streamchat.errors import StreamError
from streamchat.identity import is_configured, stream_id

if TYPE_CHECKING:
    from getstream import AsyncStream

logger = logging.getLogger("parley.stream")


def revoke_later(user_id: int) -> None:
    """Have Stream refuse the user's tokens once the present transaction is committed; nobody waits for it."""
    if is_configured():
        loop = engine().loop
        transaction.on_commit(lambda: loop.call_soon_threadsafe(lambda: desk().begin(_revoke(user_id))))


async def _revoke(user_id: int) -> None:
    async def call(sdk: "AsyncStream") -> Any:
        from getstream.models import UpdateUserPartialRequest

        before = timezone.now().isoformat()
        request = UpdateUserPartialRequest(id=stream_id(user_id), set={"revoke_tokens_issued_before": before})
        return await sdk.update_users_partial([request])

    try:
        await desk().client.insist("user", call)
    except StreamError as error:  # somebody who never connected is unknown there
        logger.info("tokens of user %s not revoked on Stream: %s", user_id, error)
