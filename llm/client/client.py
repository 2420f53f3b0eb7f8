"""From a provider and a prompt to a stream of events, with the retries that nobody notices."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from llm.client.errors import ProviderError
from llm.client.types import Adapter, Dialect, Finished, Prompt, ProviderCall, ProviderConfig, ProviderEvent

ADAPTERS: dict[Dialect, str] = {
    "anthropic": "llm.client.adapters.anthropic.AnthropicAdapter",
    "demo": "llm.client.adapters.demo.DemoAdapter",
    "gemini": "llm.client.adapters.gemini.GeminiAdapter",
    "openai_responses": "llm.client.adapters.openai_responses.OpenAIResponsesAdapter",
    "openai_chat": "llm.client.adapters.openai_chat.OpenAIChatAdapter",
}
FIRST_BACKOFF = 0.5

logger = logging.getLogger("parley.providers")


@lru_cache(maxsize=256)
def adapter_for(provider: ProviderConfig) -> Adapter:
    """Make a provider's adapter, whose module is imported the first time it is needed."""
    adapter: Adapter = import_string(ADAPTERS[provider.adapter])(provider)
    return adapter


async def stream_from(
    provider: ProviderConfig, prompt: Prompt, on_call: Callable[[ProviderCall], None] | None = None
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield a provider's reply to a prompt; end with `Finished` or raise `ProviderError`.

    Overload is retried until the first event; `on_call` is given each try as it begins, and what becomes of it is
    written into it. Closing the generator or cancelling its task closes the provider's connection; leaving the loop
    with `break` alone does not. Time-outs for the first text, for silence and in all are the caller's.
    """
    asked: Prompt | None = prompt
    number = 0
    del prompt
    while asked is not None:
        number += 1
        call = ProviderCall(number, provider.name, asked.model, time.time())
        logger.debug("asking %s for %s, try %d", provider.name, asked.model, number)
        if on_call is not None:
            on_call(call)
        event: ProviderEvent | None = None
        try:
            async with aclosing(adapter_for(provider).stream(asked)) as events:
                async for event in events:
                    if asked is not None:
                        asked, call.first = None, time.time()  # no other try now, and the reply may last for minutes
                    yield event
        except ProviderError as error:
            call.error = error.code
            pause = retry_pause(error, number) if asked else None
            if pause is None:
                raise
        else:
            return
        finally:
            call.ended = time.time()
            if isinstance(event, Finished):
                call.usage = event.usage
        await asyncio.sleep(pause)


def retry_pause(error: ProviderError, attempt: int) -> float | None:
    """Seconds to wait before the next try, None for no more: full jitter on top of what the provider asks."""
    wait = error.retry_after or 0
    if not error.retryable or attempt > settings.PROVIDER_RETRIES or wait > settings.PROVIDER_MAX_RETRY_AFTER:
        return None
    return wait + random.uniform(0, FIRST_BACKOFF * 2 ** (attempt - 1))  # noqa: S311
