"""Answering when the reply is done."""

from django.http import HttpResponse

from chats import turns
from chats.errors import ReplyFailed
from chats.models import State
from chats.rows import MessageRow
from chats.turns import limits
from chats.wire.payloads import message_payloads
from common.views import json_response


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
    """Return what a waiting client is told of a reply that ended without text, but for thoughts."""
    has_answer = reply.content or (reply.length and reply.state != State.FAILED)
    return None if has_answer else limits.failure_for(reply.state, reply.reason, reply.retry_after)
