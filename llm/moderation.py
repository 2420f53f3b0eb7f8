"""Asks whether a text may be sent; in doubt it says so and lets the caller decide."""

import asyncio
import importlib
import json
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from common.per_loop import per_loop
from llm.client.endpoints import OPENAI
from llm.environment import configured
from llm.errors import ModerationUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_RETRIES = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    flagged: bool
    categories: tuple[str, ...]


class Moderator(Protocol):
    """Judges one text; raises `ModerationUnavailable` where it cannot. It is asked through `judge`."""

    async def check(self, text: str) -> Verdict: ...


def moderation_enabled() -> bool:
    """Tell whether prompts are to be checked.

    `on` checks where OpenAI is configured; `required` always, so that nothing passes without a key.
    """
    if settings.MODERATION == "on":
        return configured("openai")
    return bool(settings.MODERATION == "required")


def moderator() -> Moderator:
    """Give the moderator that the settings name."""
    return _moderator(settings.MODERATOR)


@cache
def _moderator(path: str) -> Moderator:
    made: Moderator = import_string(path)()
    return made


async def judge(text: str) -> Verdict:
    """Ask the moderator that the settings name; what it says is taken only in the form of a Verdict.

    A category without the flag counts as flagged; anything else that is not exactly a "no" is no answer.
    """
    match await moderator().check(text):
        case Verdict(bool(flagged), tuple(categories)) if all(isinstance(name, str) for name in categories):
            return Verdict(flagged or bool(categories), categories)
    raise ModerationUnavailable("no verdict")


class OpenAIModerator:
    async def check(self, text: str) -> Verdict:
        """Ask OpenAI's moderation endpoint."""
        await prepare_client()
        from openai import OpenAIError

        try:
            # The client's own time-out holds for one try; this one for all of them.
            async with asyncio.timeout(settings.MODERATION_TIMEOUT):
                # Raw: the client's models hand on what has another type, and leave out what is not there.
                answer = await _client().moderations.with_raw_response.create(
                    model=settings.MODERATION_MODEL, input=text
                )
            return read_verdict(json.loads(answer.content))
        except (OpenAIError, OSError, ValueError, RecursionError) as error:
            raise ModerationUnavailable(type(error).__name__) from error


def read_verdict(answer: object) -> Verdict:
    """Return the verdict on one text; raise ModerationUnavailable for an answer that is neither a yes nor a no."""
    match answer:
        case {"results": [{"flagged": bool(flagged), "categories": dict(named)}]}:
            hits = tuple(sorted(name for name, hit in named.items() if hit is True))
            if flagged or hits or all(hit is False for hit in named.values()):
                return Verdict(flagged or bool(hits), hits)
    raise ModerationUnavailable("no verdict")


async def prepare_client() -> None:
    """Import OpenAI's client, on a thread, unless it is there.

    That takes a second and 60 MiB: only who moderates pays for it, and not with a loop that stands still.
    """
    if "openai" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "openai")


Configuration = tuple[str, str, float]


@per_loop
def _clients() -> dict[Configuration, "AsyncOpenAI"]:
    return {}


def _client() -> "AsyncOpenAI":
    """Give the running loop's client; making one takes 20 to 40 ms."""
    wanted = settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.MODERATION_TIMEOUT
    clients = _clients()
    if wanted not in clients:
        clients[wanted] = _new_client(*wanted)
    return clients[wanted]


def _new_client(key: str, base_url: str, timeout: float) -> "AsyncOpenAI":
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    if not key and not base_url:
        raise ModerationUnavailable("no key")
    # The client would follow a redirect, and read addresses and proxies from the environment.
    return AsyncOpenAI(
        api_key=key or "none",
        base_url=base_url or OPENAI,
        timeout=timeout,
        max_retries=MAX_RETRIES,
        http_client=DefaultAsyncHttpxClient(follow_redirects=False, trust_env=False, timeout=timeout),
    )


async def close_clients() -> None:
    """Close the running loop's clients."""
    for client in (_clients.pop() or {}).values():
        await client.close()
