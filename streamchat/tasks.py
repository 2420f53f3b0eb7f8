"""What is done for Stream in the background: replies brought into their channels, tokens revoked."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from chats.models import State, Turn
from common.executor import database
from common.tasks import task
from streamchat.client import stream_client
from streamchat.errors import StreamRefused
from streamchat.identity import stream_id
from streamchat.models import Reply
from streamchat.reply_poster import Due, ReplyPoster, due_of, mark_finished
from streamchat.wording import NOTES

if TYPE_CHECKING:
    from getstream import AsyncStream

logger = logging.getLogger("parley.stream")
GIVE_UP = timedelta(hours=1)


@task
async def post_reply(row_id: str) -> None:
    """Bring a reply into its channel; whoever goes on with it goes on from what is stored."""
    due = await database().write(find_due, UUID(row_id))
    if due is not None:
        await ReplyPoster(due, stream_client()).run()


def find_due(row_id: UUID) -> Due | None:
    """Return what is still owed; a turn recorded under the row's key counts, though the row never heard of it.

    What is too old to be of use is given up.
    """
    row = Reply.objects.select_related("channel").filter(pk=row_id, finished_at=None).first()
    if row is None:
        return None
    if row.created_at < timezone.now() - GIVE_UP:
        mark_finished(row.pk, "given_up")
        return None
    due = due_of(row)
    turn = Turn.objects.filter(**_turn_of(row)).order_by("-pk").first()
    if turn is None or row.note:
        return due
    if turn.state == State.BLOCKED and row.reply is None:  # nothing was shown of it, and nothing will be
        return replace(due, note=NOTES[State.BLOCKED][0])
    return replace(due, chat=turn.chat_id, reply=turn.reply_id)


def _turn_of(row: Reply) -> dict[str, object]:
    """Return how the row's turn is found; a key counts for its user alone."""
    return {"reply_id": row.reply} if row.reply else {"user_id": row.channel.owner_id, "key": row.key}


@task
async def revoke_tokens(user_id: int, before: str) -> None:
    """Have Stream refuse the tokens that a user was given before an instant."""

    async def call(sdk: "AsyncStream") -> Any:
        from getstream.models import UpdateUserPartialRequest

        request = UpdateUserPartialRequest(id=stream_id(user_id), set={"revoke_tokens_issued_before": before})
        return await sdk.update_users_partial([request])

    try:
        await stream_client().insist("user", call)
    except StreamRefused as error:  # somebody who never connected is unknown there
        logger.info("tokens of user %s not revoked on Stream: %s", user_id, error)
