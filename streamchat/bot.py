"""What the bot does in a channel: be there, post, grow and finish a message, say what it is doing."""

from typing import TYPE_CHECKING, Any

from django.conf import settings

from streamchat.client import Client
from streamchat.errors import StreamError, StreamRefused

if TYPE_CHECKING:
    from getstream import AsyncStream

THINKING, GENERATING, ERROR = "AI_STATE_THINKING", "AI_STATE_GENERATING", "AI_STATE_ERROR"


class Bot:
    """The bot in one channel, or in one thread of it."""

    def __init__(self, client: Client, cid: str, parent_id: str) -> None:
        self._client = client
        self._type, _, self._id = cid.partition(":")
        self._parent_id = parent_id or None

    async def introduce(self) -> None:
        """Store the bot's user on Stream, once for each name and picture that it gets."""
        wanted = settings.STREAM_BOT_ID, settings.STREAM_BOT_NAME, settings.STREAM_BOT_IMAGE
        await self._client.sdk()
        if self._client.bot != wanted:
            await self._client.insist("user", upsert_bot)
            self._client.bot = wanted

    async def post(self, message_id: str, text: str, *, generating: bool) -> None:
        """Post a message under an id of ours; one that is there already is not posted again."""

        async def call(sdk: "AsyncStream") -> Any:
            from getstream.models import MessageRequest

            message = MessageRequest(
                id=message_id, text=text, user_id=settings.STREAM_BOT_ID, parent_id=self._parent_id,
                custom={"ai_generated": True, "generating": generating},
            )  # fmt: skip
            return await sdk.chat.send_message(self._type, self._id, message, skip_enrich_url=generating)

        try:
            await self._client.insist("send", call)
        except StreamRefused as refusal:
            if refusal.exists_already:
                return
            self._client.bot = ()  # the bot's user may have been deleted there
            await self.introduce()
            await self._client.insist("send", call)

    async def grow(self, message_id: str, text: str) -> None:
        """Show more text to those who look on, without storing it; one try, for the next update brings it again."""
        values = {"text": text, "generating": True}
        await self._client.once(
            "update",
            lambda sdk: sdk.chat.ephemeral_message_update(
                message_id, user_id=settings.STREAM_BOT_ID, set=values, skip_enrich_url=True, skip_push=True
            ),
        )

    async def store(self, message_id: str, text: str) -> None:
        """Store the last text of a message."""
        values = {"text": text, "generating": False, "ai_generated": True}
        await self._client.insist(
            "update",
            lambda sdk: sdk.chat.update_message_partial(message_id, user_id=settings.STREAM_BOT_ID, set=values),
        )

    async def indicate(self, message_id: str, state: str, *, insist: bool = False) -> bool:
        """Say what the bot is doing, or with no state that it does nothing any more; return whether Stream took it.

        On the way an indicator is worth one try. The last ones are insisted on, for they stay where nothing follows:
        StreamAway and StreamBusy are raised then.
        """

        async def call(sdk: "AsyncStream") -> Any:
            from getstream.models import EventRequest

            kind = "ai_indicator.update" if state else "ai_indicator.clear"
            custom = {"message_id": message_id, **({"ai_state": state} if state else {})}
            event = EventRequest(type=kind, user_id=settings.STREAM_BOT_ID, parent_id=self._parent_id, custom=custom)
            return await sdk.chat.send_event(self._type, self._id, event)

        try:
            await (self._client.insist if insist else self._client.once)("event", call)
        except StreamError as error:
            if insist and not isinstance(error, StreamRefused):
                raise
            return False
        return True


async def upsert_bot(sdk: "AsyncStream") -> Any:
    """Store the bot's user."""
    from getstream.models import UserRequest

    image = settings.STREAM_BOT_IMAGE or None
    user = UserRequest(id=settings.STREAM_BOT_ID, name=settings.STREAM_BOT_NAME, image=image)
    return await sdk.upsert_users(user)
