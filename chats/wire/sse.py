"""Plain server-sent events: `id` is the cursor, `event` one of the kinds below, `data` is JSON on one line."""

import asyncio
from collections.abc import AsyncIterator

from chats.turns.events import Delta, End, Start, ToolInput, TurnEvent, Waiting
from chats.wire.payloads import delta_payload, end_payload, input_payload, start_payload, waiting_payload
from common.json import dumps

HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Connection": "keep-alive",
}
KEEP_ALIVE = b": keep-alive\n\n"
AT_A_TIME = 65_536  # bytes of an end: it holds the whole reply, and each slow reader would hold all of it


def encode(event: TurnEvent, html: bool = False) -> bytes:
    """Return the bytes of one event; a delta that several readers share is encoded once."""
    if isinstance(event, Delta):
        if event.encoded is None:
            event.encoded = b"id: %d\nevent: delta\ndata: %b\n\n" % (event.seq, dumps(delta_payload(event)))
        return event.encoded
    if isinstance(event, End):
        return _encode_end(event, html)
    if isinstance(event, ToolInput):
        return b"event: tool_input\ndata: %b\n\n" % dumps(input_payload(event))
    if isinstance(event, Waiting):
        return b"id: %d\nevent: waiting\ndata: %b\n\n" % (event.seq, dumps(waiting_payload(event)))
    if isinstance(event, Start):
        return b"event: start\ndata: %b\n\n" % dumps(start_payload(event))
    return KEEP_ALIVE


def _encode_end(event: End, html: bool) -> bytes:
    """Return the end with the whole reply, the same bytes for all readers that share a log."""
    if event.encoded is not None and not html:
        return event.encoded
    encoded = b"id: %d\nevent: end\ndata: %b\n\n" % (event.seq, dumps(end_payload(event, html)))
    if not html:
        event.encoded = encoded
    return encoded


async def encode_stream(events: AsyncIterator[TurnEvent], html: bool = False) -> AsyncIterator[bytes]:
    """Encode events as they come."""
    async for event in events:
        if not isinstance(event, End):
            yield encode(event)
            continue
        # Rendering a long reply takes too long for the loop.
        encoded = await asyncio.to_thread(encode, event, True) if html else encode(event)
        for start in range(0, len(encoded), AT_A_TIME):
            yield encoded[start : start + AT_A_TIME]
