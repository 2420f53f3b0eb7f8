"""Asking a provider whether it answers, for staff: synchronous, within a time limit, what failed said in words."""

import asyncio
import re
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from common.text import repaired
from llm.client.client import adapter_for
from llm.client.errors import ProviderBusy, ProviderError
from llm.client.model_lists import list_models
from llm.client.sessions import close_session
from llm.client.types import Prompt, PromptMessage, ProviderConfig, TextDelta

T = TypeVar("T")
LIST_SECONDS, ANSWER_SECONDS = 10, 30
SHOWN = 100  # characters of an answer
QUESTION = "Answer with the one word: ready"
CONNECTING = {
    "ClientConnectorDNSError": "The host of its address is not known.",
    "ClientConnectorError": "Nothing answers at its address.",
    "ClientConnectorCertificateError": "The certificate at its address is not valid.",
    "ClientConnectorSSLError": "What answers at its address does not speak TLS.",
    "ServerDisconnectedError": "The connection was closed without an answer.",
    "ConnectionTimeoutError": "Nothing answers at its address in time.",
    "TimeoutError": "There was no answer in time.",
}
STATUSES = {
    401: "It does not accept the key.",
    403: "It does not let this key do that.",
    404: "It does not know the address or the model.",
    429: "The key has used up its rate or its quota.",
}


BUSY, REFUSED = "It is overloaded or out of order.", "It refused, or sent what cannot be read."


class Failed(Exception):
    """A provider did not do what was asked; the message says so to staff."""


def found_models(provider: ProviderConfig) -> list[str]:
    """Return the ids that a provider lists; raise Failed."""
    return _run(list_models(provider), LIST_SECONDS)


def first_words(provider: ProviderConfig, model_id: str) -> str:
    """Return the beginning of a model's answer to a short question; raise Failed."""
    return _run(_ask(provider, model_id), ANSWER_SECONDS)


async def _ask(provider: ProviderConfig, model_id: str) -> str:
    text, prompt = "", Prompt(model_id, "", (PromptMessage("user", QUESTION),))
    async with aclosing(adapter_for(provider).stream(prompt)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
            if len(text) > SHOWN:
                break
    if not text.strip():
        raise Failed("It answered without a word of text.")
    return repaired(text).strip()[:SHOWN]


def _run(asking: Coroutine[Any, Any, T], seconds: float) -> T:
    """Run on a loop of its own, with a session of its own: the server's are busy with replies."""
    try:
        return asyncio.run(_within(asking, seconds))
    except ProviderError as error:
        raise Failed(in_words(error)) from error
    except TimeoutError as error:
        raise Failed(f"There was no answer within {seconds:g} seconds.") from error


async def _within(asking: Coroutine[Any, Any, T], seconds: float) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await asking
    finally:
        await close_session()


def in_words(error: ProviderError) -> str:
    """Say what a provider's failure is; the details are names and codes, never a key or what a vendor wrote."""
    status = re.match(r"HTTP (\d{3})", error.detail)
    code = int(status[1]) if status else 0
    said = CONNECTING.get(error.detail) or STATUSES.get(code)
    if not said:
        said = BUSY if isinstance(error, ProviderBusy) else REFUSED
    return f"{said} ({error.detail})" if error.detail else said
