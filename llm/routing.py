"""From the name of a provider to its reply: who is asked, as of now."""

from collections.abc import AsyncGenerator, Callable

from llm.catalog import provider_config
from llm.client.client import stream_from
from llm.client.types import Prompt, ProviderEvent


def stream(
    provider: str, prompt: Prompt, on_attempt: Callable[[int], None] | None = None
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield a reply as `llm.client.client.stream_from` does, from the provider of that name."""
    return stream_from(provider_config(provider), prompt, on_attempt)
