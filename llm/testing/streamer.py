"""Sends a scripted stream, with its pauses and its accidents."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from llm.testing.encoding import Frames
from llm.testing.record import Record
from llm.testing.script import Script

HEADERS = {"Cache-Control": "no-cache", "x-request-id": "req_fake"}
FOREVER = 86_400.0


class Cut(Exception):
    """The script wants the connection gone."""


async def send(request: web.Request, script: Script, frames: Frames, record: Record) -> web.StreamResponse:
    """Answer with a stream; raises `Cut` where the script cuts it."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": script.content_type or "text/event-stream"})
    await response.prepare(request)
    async for piece in _pieces(script, frames, record):
        await _write(response, script, piece)
    if script.garbled_after is not None and request.transport is not None:
        await asyncio.sleep(script.delay)
        request.transport.write(script.garbage.encode("latin-1"))
        await asyncio.sleep(FOREVER)
    await response.write_eof()
    return response


async def _pieces(script: Script, frames: Frames, record: Record) -> AsyncIterator[bytes]:
    """Yield what is to be written; pauses happen in between."""
    if script.answer:
        yield script.answer.encode("utf-8", "surrogatepass")
        return
    for event in frames.opening:
        yield event
    async for comment in _pause(script, script.first_delay):
        yield comment
    for count in range(len(frames.deltas) + 1):
        if count and script.delay:
            async for comment in _pause(script, script.delay):
                yield comment
        async for event in _accident(script, frames, count):
            yield event
        if _ends_at(script, count):
            return
        if count < len(frames.deltas):
            record.sent += 1
            yield frames.deltas[count]
    for event in frames.ending:
        yield event


async def _accident(script: Script, frames: Frames, count: int) -> AsyncIterator[bytes]:
    """Do what the script wants to happen after so many deltas."""
    if count == script.stall_after:
        async for comment in _pause(script, FOREVER):
            yield comment
    if count == script.cut_after:
        raise Cut
    if count == script.malformed_after:
        yield frames.malformed
    if count == script.error_after:
        yield frames.error


def _ends_at(script: Script, count: int) -> bool:
    return count in (script.end_after, script.malformed_after, script.error_after, script.garbled_after)


async def _pause(script: Script, seconds: float) -> AsyncIterator[bytes]:
    """Wait, with a keep-alive comment now and then if the script wants them."""
    while script.keepalive and seconds > script.keepalive:
        await asyncio.sleep(script.keepalive)
        seconds -= script.keepalive
        yield b": keep-alive\n\n"
    if seconds:
        await asyncio.sleep(seconds)


async def _write(response: web.StreamResponse, script: Script, piece: bytes) -> None:
    if not script.segment:
        await response.write(piece)
        return
    for at in range(0, len(piece), script.segment):
        await response.write(piece[at : at + script.segment])
        # The socket sends at once, so a turn of the loop makes a segment of its own.
        await asyncio.sleep(0)
