"""Who may stop the bot in a channel: whoever asked it, and the owner of the chat."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.access import Claims, load_viewer
from chats import turns
from chats.rows import MessageRow
from common.errors import NotFound
from common.executor import database
from streamchat.identity import stream_id
from streamchat.models import Reply
from streamchat.payload import StopEvent


@dataclass(frozen=True, slots=True)
class Stopped:
    """The bot's message on Stream, and the reply that it shows as stored."""

    message_id: str
    reply: MessageRow


class NothingToStop(NotFound):
    code, title = "not_found", "There is no reply of yours in this channel."


async def stop_in_channel(claims: Claims, cid: str, parent_id: str) -> Stopped:
    """Stop the newest reply of a channel or thread; one that has ended stays as it is. Raises NothingToStop."""
    message_id, chat_id, reply_id = await database().read(_newest_of, claims, cid, parent_id)
    row = await turns.stop_reply(chat_id, reply_id)
    return Stopped(message_id, row)


async def stop_by_event(event: StopEvent) -> None:
    """Stop what the bot is writing, for who asked and for the owner; from anybody else the event has no effect."""
    replies = Reply.objects.filter(channel__cid=event.cid, finished_at=None)
    if event.parent_id:
        replies = replies.filter(channel__parent_id=event.parent_id)
    try:
        _, chat_id, reply_id = await database().read(_newest, event.user, replies)
    except NothingToStop:
        return
    await turns.stop_reply(chat_id, reply_id)


def _newest_of(claims: Claims, cid: str, parent_id: str) -> tuple[str, UUID, UUID]:
    replies = Reply.objects.filter(channel__cid=cid, channel__parent_id=parent_id)
    return _newest(stream_id(load_viewer(claims).id), replies)


def _newest(user: str, replies: "QuerySet[Reply]") -> tuple[str, UUID, UUID]:
    """Return message, chat and reply of the newest; raise NothingToStop where this user of Stream has no say in it."""
    row = replies.select_related("channel").exclude(reply=None).order_by("-pk").first()
    if row is None or row.reply is None or user not in (row.asker, stream_id(row.channel.owner_id)):
        raise NothingToStop()
    return row.message_id, row.channel.chat, row.reply
