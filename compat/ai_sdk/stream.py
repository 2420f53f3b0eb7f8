"""A reply as a stream, or as the refusal that it turned out to be before it began."""

import logging
from collections.abc import AsyncIterator

from django.http.response import HttpResponseBase

from accounts.access import Claims
from chats import turns
from chats.connections import OpenStream
from chats.turns.events import Delta, End, KeepAlive, Start, ToolInput, TurnEvent, Waiting
from chats.wire.peek import Peek
from chats.wire.sse import KEEP_ALIVE
from chats.wire.waiting import failure_of
from common.executor import database
from common.views import EventStream
from compat.ai_sdk.chunks import HEADERS
from compat.ai_sdk.encoder import UiEncoder
from compat.ai_sdk.resolve import ReplyRef

logger = logging.getLogger("parley.http")


async def stream_reply(claims: Claims, ref: ReplyRef, approvals: bool, patience: float) -> HttpResponseBase:
    """Stream a reply; one that fails within the patience and without any text is answered with a status."""
    stream = OpenStream(claims, turns.follow(ref.chat_id, ref.reply.id, ref.begins))
    events = Peek(stream, lambda event: not isinstance(event, Start | KeepAlive))
    try:
        first = await events.first(patience) if patience else None
        if isinstance(first, End) and (failure := failure_of(first.message)):
            raise failure
    except BaseException:
        events.close()
        stream.close()
        raise
    return EventStream(_encoded(ref, approvals, events), HEADERS, events.close, stream.close)


async def _encoded(ref: ReplyRef, approvals: bool, events: AsyncIterator[TurnEvent]) -> AsyncIterator[bytes]:
    """Encode a reply; what goes wrong on the way is told, since a clean early end looks like success."""
    encode = UiEncoder(ref.reply, approvals, ref.begins > 0)
    yield encode.start()
    try:
        async for event in events:
            if isinstance(event, Delta):
                yield encode.delta(event)
            elif isinstance(event, End):
                yield encode.end(event)
                return
            elif isinstance(event, ToolInput):
                yield encode.tool_input(event)
            elif isinstance(event, Waiting):
                if waiting := await database().read(_still_waits, ref, event):
                    yield encode.wait(waiting)
                    return
            elif isinstance(event, KeepAlive):
                yield KEEP_ALIVE
    except Exception:
        logger.exception("stream of reply %s failed", ref.reply.id)
    yield encode.fail()


def _still_waits(ref: ReplyRef, event: Waiting) -> Waiting | None:
    """Return what a reply waits for by now; None where somebody was quicker: it goes on, and so does its stream."""
    found = turns.waiting_for(ref.chat_id, ref.reply.id)
    return found if found and found.at == event.at else None
