"""Asking the moderator before a model is asked, for stored and stateless replies alike."""

from collections.abc import Iterable, Iterator

from django.conf import settings

from chats.errors import ModerationAway
from llm.errors import ModerationUnavailable
from llm.moderation import judge

MOST = 200  # characters of the category that are kept


MODERATED_CHARS = 2**19  # that the moderator is asked about at once


async def objection_to_any(texts: Iterable[str]) -> str:
    """Return what the moderator objects to in any of the texts, or nothing; raise ModerationAway.

    Of long ones only so much is asked about at once: a moderator's client encodes it on the loop.
    """
    for text in portions(texts):
        if category := await objection_to(text):
            return category
    return ""


def portions(texts: Iterable[str]) -> Iterator[str]:
    """Join texts, as many of them as may be asked about at once."""
    found, room = list[str](), MODERATED_CHARS
    for text in filter(None, texts):
        room -= len(text)
        if found and room < 0:
            yield "\n\n".join(found)
            found, room = [], MODERATED_CHARS - len(text)
        found.append(text)
    if found:
        yield "\n\n".join(found)


async def objection_to(text: str) -> str:
    """Return the category that the moderator objects to, or nothing; raise ModerationAway where nobody answers."""
    try:
        verdict = await judge(text)
    except ModerationUnavailable as error:
        if settings.MODERATION_FAIL_OPEN:
            return ""
        raise ModerationAway(retry_after=5) from error
    return ", ".join(verdict.categories)[:MOST] or "flagged" if verdict.flagged else ""
