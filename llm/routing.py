"""From the name of a provider to its reply: who is asked, as of now, and at which prices."""

from collections.abc import AsyncGenerator, Callable

from llm.catalog import catalog, provider_config
from llm.client.client import stream_from
from llm.client.types import Prompt, ProviderCall, ProviderEvent
from llm.prices import UNPRICED, Prices


def stream(
    provider: str, prompt: Prompt, on_call: Callable[[ProviderCall], None] | None = None
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield a reply as `llm.client.client.stream_from` does, from the provider of that name."""
    return stream_from(provider_config(provider), prompt, on_call)


def prices_in_force(name: str) -> Prices:
    """Return the prices in force of a model, by its full name."""
    model = catalog().named(name)
    return model.prices if model else UNPRICED
