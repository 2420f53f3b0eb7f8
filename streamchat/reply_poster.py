"""One reply on its way into a channel: placeholder, indicators, growing text, last text. Follows like any reader.

Whoever takes a reply over goes on from what is stored: the message's id is ours, so nothing is posted twice.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from chats import turns
from chats.models import Message, State
from chats.rows import MessageRow
from chats.turns.events import Delta, End
from common.executor import database
from streamchat.bot import ERROR, GENERATING, THINKING, Bot
from streamchat.client import Client
from streamchat.errors import StreamBusy, StreamError, StreamRefused
from streamchat.models import Reply
from streamchat.wording import ANEW, GONE, LOST, REFUSED, final_text, in_messages

logger = logging.getLogger("parley.stream")
PlacedText = tuple[int, str, str]  # offset, kind, text
BAD = (State.FAILED, State.INTERRUPTED, State.BLOCKED)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that the channel is owed: a reply of a chat, or a note where there is none."""

    row_id: UUID
    message_id: str
    cid: str
    parent_id: str
    chat: UUID | None = None
    reply: UUID | None = None
    note: str = ""
    is_posted: bool = False


def due_of(row: Reply) -> Due:
    """Return what a row owes its channel."""
    channel = row.channel
    return Due(row.pk, row.message_id, channel.cid, channel.parent_id, note=row.note, is_posted=row.is_posted)


class ReplyPoster:
    """Brings one reply into its channel."""

    def __init__(self, due: Due, client: Client) -> None:
        self.due = due
        self.bot = Bot(client, due.cid, due.parent_id)
        self.ended: MessageRow | None = None
        self._parts: list[PlacedText] = []
        self._is_over, self._news, self._over = False, asyncio.Event(), asyncio.Event()
        self._updated_at, self._is_stored = 0.0, False
        self._opening = ""

    async def run(self) -> None:
        """See the message to its end; raise StreamError where Stream cannot be reached, to be tried again."""
        try:
            outcome = await self._run()
        except StreamRefused as error:
            logger.warning("stream takes no more of %s: %s", self.due.message_id, error)
            outcome = "refused_by_stream"
            await self._give_up()
        await database().write(mark_finished, self.due.row_id, outcome)

    async def _give_up(self) -> None:
        """Say so in the message, where it is there and this much is taken: else it would seem to grow for ever."""
        if not self._is_stored:
            with contextlib.suppress(StreamError):
                await self.bot.store(self.due.message_id, REFUSED)
        with contextlib.suppress(StreamError):
            await self.bot.indicate(self.due.message_id, "", insist=True)

    async def _run(self) -> str:
        await self.bot.introduce()
        if self.due.chat is None or self.due.reply is None:
            return await self._say(self.due.note or LOST)
        if await database().read(begins_anew, self.due.row_id):
            self._opening = ANEW
        if not self.due.is_posted:
            await self.bot.post(self.due.message_id, "", generating=True)
            await database().write(note_posted, self.due.row_id)
            await self.bot.indicate(self.due.message_id, THINKING)
        reading = asyncio.create_task(self._read(self.due.chat, self.due.reply))
        try:
            await self._grow()
            await reading
        finally:
            reading.cancel()
        return await self._end()

    async def _say(self, text: str) -> str:
        """Post, or finish, a message that says why there is no reply."""
        if self.due.is_posted:
            await self.bot.store(self.due.message_id, text)
            await self.bot.indicate(self.due.message_id, "", insist=True)
        else:
            await self.bot.post(self.due.message_id, text, generating=False)
        return "note"

    # --- from the engine ---------------------------------------------------------------------------------------------
    async def _read(self, chat: UUID, reply: UUID) -> None:
        try:
            async for event in turns.follow(chat, reply):
                if isinstance(event, Delta):
                    self._parts = cut_to(self._parts, event.at)
                    self._parts.append((event.at, event.kind, event.text))
                    self._news.set()
                elif isinstance(event, End):
                    self.ended = event.message
        finally:
            self._is_over = True
            self._news.set()
            self._over.set()

    # --- to the channel ----------------------------------------------------------------------------------------------
    async def _grow(self) -> None:
        """Show the text as it grows, at most `STREAM_UPDATES_PER_SECOND`, until the reply is over."""
        is_generating = False
        while not self._is_over:
            await self._news.wait()
            self._news.clear()
            if self._is_over or not (text := shown(self._parts, settings.STREAM_MESSAGE_CHARS - len(self._opening))):
                continue
            if not is_generating:
                is_generating = True
                await self.bot.indicate(self.due.message_id, GENERATING)
            pause = await self._update(self._opening + text)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), pause)

    async def _update(self, text: str) -> float:
        """Show the text; return how long to wait before the next time."""
        pause = 1 / settings.STREAM_UPDATES_PER_SECOND
        try:
            await self.bot.grow(self.due.message_id, text)
        except StreamBusy as busy:
            pause = max(pause, busy.wait)
        except StreamError as error:
            logger.info("an update of %s was left out: %s", self.due.message_id, error)
        self._updated_at = time.monotonic()
        return pause

    async def _end(self) -> str:
        first, *more = in_messages(self._opening + final_text(self.ended) if self.ended else GONE)
        is_bad = self.ended is None or self.ended.state in BAD
        is_told = not is_bad or await self.bot.indicate(self.due.message_id, ERROR)
        pause = 1 / settings.STREAM_UPDATES_PER_SECOND
        await asyncio.sleep(max(0.0, self._updated_at + pause - time.monotonic()))
        await self.bot.store(self.due.message_id, first)
        self._is_stored = True
        for number, text in enumerate(more, start=2):
            await self.bot.post(f"{self.due.message_id}-{number}", text, generating=False)
        if not is_told:  # after the text, which matters more
            await self.bot.indicate(self.due.message_id, ERROR, insist=True)
        await self.bot.indicate(self.due.message_id, "", insist=True)
        return str(self.ended.state) if self.ended else "withdrawn"


def cut_to(parts: list[PlacedText], at: int) -> list[PlacedText]:
    """Withdraw what was shown from an offset on."""
    if not parts or parts[-1][0] + len(parts[-1][2]) <= at:
        return parts
    return [(start, kind, text[: at - start]) for start, kind, text in parts if start < at]


def shown(parts: list[PlacedText], limit: int) -> str:
    """Return the beginning of the text; reasoning is not shown."""
    text, length = [], 0
    for _, kind, part in parts:
        if kind == "text":
            text.append(part)
            length += len(part)
        if length >= limit:
            break
    return "".join(text)[:limit]


def begins_anew(row_id: UUID) -> bool:
    """Tell whether what the bot said here before is gone: people see it in the channel, the model does not."""
    row = Reply.objects.get(pk=row_id)
    before = Reply.objects.filter(channel=row.channel_id, pk__lt=row_id).exclude(reply=None).order_by("-pk").first()
    return before is not None and not Message.objects.filter(pk__in=[before.reply]).exists()


def note_posted(row_id: UUID) -> None:
    """Record that the placeholder is in the channel."""
    Reply.objects.filter(pk=row_id).update(is_posted=True)


def mark_finished(row_id: UUID, outcome: str) -> None:
    """Record that the channel is owed nothing more."""
    Reply.objects.filter(pk=row_id, finished_at=None).update(outcome=outcome, finished_at=timezone.now())
