"""Who may stop the bot in a channel: whoever asked it, and the owner of the chat."""

from dataclasses import dataclass
from uuid import UUID

from accounts.access import Claims, load_viewer
from chats import turns
from chats.rows import MessageRow
from common.errors import NotFound
from common.executor import database
from streamchat.identity import stream_id
from streamchat.models import Channel


@dataclass(frozen=True, slots=True)
class Stopped:
    """The bot's message on Stream, and the reply that it shows as stored."""

    message_id: str
    reply: MessageRow


class NothingToStop(NotFound):
    code, title = "not_found", "There is no reply of yours in this channel."


async def stop_in_channel(claims: Claims, cid: str, parent_id: str) -> Stopped:
    """Stop the newest reply of a channel or thread; one that has ended stays as it is. Raises NothingToStop."""
    message_id, chat_id, reply_id = await database().read(_newest, claims, cid, parent_id)
    row = await turns.stop_reply(chat_id, reply_id)
    return Stopped(message_id, row)


def _newest(claims: Claims, cid: str, parent_id: str) -> tuple[str, UUID, UUID]:
    viewer = load_viewer(claims)
    channel = Channel.objects.filter(cid=cid, parent_id=parent_id).first()
    row = channel and channel.replies.exclude(reply=None).order_by("-pk").first()
    if channel is None or not row or row.reply is None:
        raise NothingToStop()
    if viewer.id != channel.owner_id and row.asker != stream_id(viewer.id):
        raise NothingToStop()
    return row.message_id, channel.chat, row.reply
