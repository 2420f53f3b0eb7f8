"""Answering when the reply is done."""

from django.http import HttpResponse

from chats import turns
from chats.errors import FAILURES, ReplyBlocked, ReplyFailed, ReplyInterrupted
from chats.models import State
from chats.tree import MessageRow
from chats.wire.payloads import message_payloads
from common.views import json_response

BUSY_RETRY_AFTER = 5


async def answer_when_done(accepted: turns.AcceptedTurn, html: bool) -> HttpResponse:
    """Answer 201 with question and reply; a reply without any text is the failure that it ended with."""
    reply = await turns.wait_for(accepted.chat_id, accepted.reply.id)
    question, answer = await message_payloads([accepted.question, reply], html)
    body = {"question": question, "reply": answer}
    if failure := failure_of(reply):
        failure.extra = body
        raise failure
    return json_response(body, status=201)


def failure_of(reply: MessageRow) -> ReplyFailed | None:
    """Return what a waiting client is told of a reply that ended without text."""
    if reply.length or reply.state in (State.COMPLETE, State.STOPPED):
        return None
    if reply.state == State.BLOCKED:
        return ReplyBlocked()
    if reply.state == State.INTERRUPTED:
        return ReplyInterrupted(retry_after=1)
    kind = FAILURES.get(reply.reason, ReplyFailed)
    return kind(retry_after=(reply.retry_after or BUSY_RETRY_AFTER) if kind.status == 503 else None)
