"""Changes as server-sent events, until the reader leaves, the session ends or the server stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from django.conf import settings
from django.db import InterfaceError, OperationalError

from accounts.access import Claims
from chats.services.change_log import ChangesPage, Position
from chats.wire.sse import HEADERS, KEEP_ALIVE
from common.errors import ParleyError
from common.views import EventStream
from feed.encoder import encode_changes, encode_start
from feed.reader import ChangeReader

RETRY_SECONDS = 1.0


async def open_stream(claims: Claims, after: Position | None, size: int) -> EventStream:
    """Return the changes after a place as they come; one look before the answer begins makes a refusal a status."""
    reader = ChangeReader(claims, after, size)
    try:
        first = await reader.next_page(0)
    except BaseException:
        reader.close()
        raise
    return EventStream(_events(reader, after, first), HEADERS, reader.close)


async def _events(reader: ChangeReader, after: Position | None, page: ChangesPage | None) -> AsyncIterator[bytes]:
    start = after if page else reader.after
    assert start is not None, "the first look has found a place"
    yield encode_start(start)
    with suppress(ParleyError):  # the session has ended, or the server stops; who comes back is told
        while True:
            yield encode_changes(page) if page else KEEP_ALIVE
            page = await _next_page(reader)


async def _next_page(reader: ChangeReader) -> ChangesPage | None:
    """Return what comes next; None for a keep-alive, which is all that there is while the database is away."""
    try:
        return await reader.next_page(settings.KEEPALIVE_SECONDS)
    except (OperationalError, InterfaceError):
        await asyncio.sleep(RETRY_SECONDS)
        return None
