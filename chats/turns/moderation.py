"""Asking the moderator before a model is asked, for stored and stateless replies alike."""

from django.conf import settings

from chats.errors import ModerationAway
from llm.errors import ModerationUnavailable
from llm.moderation import judge

MOST = 200  # characters of the category that are kept


async def objection_to(text: str) -> str:
    """Return the category that the moderator objects to, or nothing; raise ModerationAway where nobody answers."""
    try:
        verdict = await judge(text)
    except ModerationUnavailable as error:
        if settings.MODERATION_FAIL_OPEN:
            return ""
        raise ModerationAway(retry_after=5) from error
    return ", ".join(verdict.categories)[:MOST] or "flagged" if verdict.flagged else ""
