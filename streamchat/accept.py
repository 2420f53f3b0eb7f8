"""The accepting transaction of a webhook: its effect is claimed once, and the reply that it makes due is on record."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access import Viewer
from accounts.models import User
from chats.models import Message
from chats.turns import SendRequest
from common.ids import uuid7
from common.task_queue import run_now
from streamchat.hook_responses import HookResponse
from streamchat.identity import active_user, owner_for, viewer_for
from streamchat.models import MESSAGE_ID, Channel, Delivery, Reply
from streamchat.payload import StreamCommand
from streamchat.tasks import post_reply


@dataclass(frozen=True, slots=True)
class AcceptedCommand:
    """A webhook whose effect is ours to make."""

    row: Reply
    viewer: Viewer
    ask: SendRequest


def claim_command(command: StreamCommand) -> AcceptedCommand | None:
    """Record a webhook and the reply that it makes due; None where it had its effect before. Raises AskerInactive.

    The task that brings the reply into the channel waits for `attach` or `record_note`; where this process dies before,
    it finds out for itself what there is to say.
    """
    with transaction.atomic():
        if not _is_first(command):
            return None
        channel, user = _place(command)
        row = Reply(channel=channel, asker=command.asker, command=command.name, created_at=timezone.now())
        row.task = post_reply.enqueue_in(_decided_after(), str(row.pk)).pk
        row.save(force_insert=True)
        return AcceptedCommand(row, viewer_for(user), _ask(command, channel, row))


def _decided_after() -> float:
    """Return when a process that lives has decided, in seconds: the moderator and the database have their limits."""
    return float(settings.MODERATION_TIMEOUT + settings.DATABASE_WAIT)


def _is_first(command: StreamCommand) -> bool:
    """Insert the delivery; the id counts, and so does the body: a signature does not cover the headers."""
    try:
        with transaction.atomic():
            Delivery.objects.create(pk=command.delivery, digest=command.digest, received_at=timezone.now())
    except IntegrityError:
        return False
    return True


def _place(command: StreamCommand) -> tuple[Channel, User]:
    """Return the channel or thread and the owner of its chat; a new chat where the owner cannot own it any more."""
    new = owner_for(command.asker)
    above = _answer_named(command.cid, command.parent_id)  # a thread under an answer goes on in the answer's chat
    first = {"chat": above.channel.chat, "owner": above.channel.owner} if above else {"chat": uuid7(), "owner": new}
    channel, _ = Channel.objects.get_or_create(
        cid=command.cid, parent_id=command.parent_id, defaults={**first, "created_at": timezone.now()}
    )
    owner = new if channel.owner_id == new.pk else active_user(channel.owner_id)
    if owner is None or not may_start(owner):
        channel.owner, channel.chat, owner = new, uuid7(), new
        channel.save(update_fields=["owner", "chat"])
    return channel, owner


def may_start(user: User) -> bool:
    return user.is_email_confirmed or not settings.REQUIRE_CONFIRMED_EMAIL


def _ask(command: StreamCommand, channel: Channel, row: Reply) -> SendRequest:
    """Return the turn: after the answer that is quoted, the last one here, or the one that the thread hangs on.

    Whatever the owner has said in that chat elsewhere is left out.

    A question that begins with a slash is kept as it was typed, so that it is no command of our own chats.
    """
    text = command.text if command.args.startswith("/") else command.args
    return SendRequest(
        chat=channel.chat,
        content=text,
        parent=_parent(command, channel),
        model=command.provider,
        key=row.key,
        create=True,
    )


def _parent(command: StreamCommand, channel: Channel) -> UUID | None:
    stored = Message.objects.filter(chat_id=channel.chat)
    last = channel.replies.exclude(reply=None).filter(reply__in=stored.values("pk")).order_by("-pk").first()
    quoted, above = (_answer_named(command.cid, name) for name in (command.quoted_id, command.parent_id))
    replies = [each.reply for each in (quoted, last, above) if each and each.reply]
    return next((reply for reply in replies if stored.filter(pk__in=[reply]).exists()), None)


def _answer_named(cid: str, message_id: str) -> Reply | None:
    """Return the bot's answer that the id of a message in this channel stands for: such ids are ours."""
    found = MESSAGE_ID.fullmatch(message_id)
    rows = Reply.objects.select_related("channel__owner").filter(channel__cid=cid).exclude(reply=None)
    return rows.filter(pk=found[1]).first() if found else None


def earlier_answer(command: StreamCommand) -> HookResponse | None:
    """Return what was answered when this webhook came first, if that is known yet."""
    rows: Any = Delivery.objects.filter(pk=command.delivery) | Delivery.objects.filter(digest=command.digest)
    answers: list[HookResponse | None] = list(rows.values_list("answer", flat=True))
    return next(filter(None, answers), None)


def attach(row: Reply, reply_id: UUID, delivery: str, answer: HookResponse) -> None:
    """Record which message of the chat the bot's message will show, and what the hook answers."""
    with transaction.atomic():
        Reply.objects.filter(pk=row.pk).update(reply=reply_id)
        Delivery.objects.filter(pk=delivery).update(answer=answer)
        _post_now(row)


def record_refusal(row: Reply, delivery: str, answer: HookResponse) -> None:
    """Record that the sender is told why there is no reply; the channel is owed nothing."""
    with transaction.atomic():
        Reply.objects.filter(pk=row.pk).update(outcome="refused", finished_at=timezone.now())
        Delivery.objects.filter(pk=delivery).update(answer=answer)
        _post_now(row)


def record_note(row: Reply, text: str) -> None:
    """Record what the bot is to say in the channel instead of a reply: the hook had answered before this was known."""
    with transaction.atomic():
        Reply.objects.filter(pk=row.pk).update(note=text)
        _post_now(row)


def _post_now(row: Reply) -> None:
    if row.task is not None:
        run_now(row.task)
