"""What bounds a call of a model: how much it may use at most, and what of it is held before it is asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from accounts.access import Viewer
from chats.turns.attachments import stored_size
from common.sql import Statement
from llm.catalog import Model
from llm.client.types import Prompt
from llm.routing import prices_in_force
from llm.tokens import files_bound, prompt_size
from usage.allowance import Charge, Held, take
from usage.limits import Asking, Bound, rules_for


def asking_of(viewer: Viewer) -> Asking:
    return Asking(viewer.id, viewer.key_id, viewer.timezone)


def bound_of(model: Model, prompt: Prompt) -> Bound:
    """Return the most that an answer can come to; a token has a byte at least."""
    prices, context = prices_in_force(model.name), model.abilities.context_tokens
    size = prompt_size(prompt) + files_bound(prompt) + stored_size(prompt)
    input_price = max(prices.input or 0, prices.cached_input or 0)
    output = prompt.params.get("max_tokens") or min(
        model.abilities.max_output_tokens or settings.HELD_OUTPUT_TOKENS, settings.HELD_OUTPUT_TOKENS
    )
    return Bound(
        min(size, context) if context else size, output, input_price, prices.output or 0, prompt.params.get("n") or 1
    )


def hold_for(
    charge: Charge,
    has_limits: bool,
    model: Model,
    prompt: Prompt,
    now: datetime,
    note: Callable[[Held], Statement],
    messages: int = 1,
    running: int = 1,
) -> Prompt:
    """Hold what a call may use, where anything bounds it, and return its prompt, which says so to the provider.

    The user's day is locked by then, and has counted the messages; `note` writes down what is held. Raises
    QuotaExceeded.
    """
    charge.rules = rules_for(charge.asking, model.name, has_limits)
    if not charge.rules:
        return prompt
    take(charge, bound_of(model, prompt), now, note, messages, running)
    return bounded(prompt, charge.hold)


def bounded(prompt: Prompt, hold: Held | None) -> Prompt:
    """Return a prompt whose answer stays within what is held for it."""
    return (
        prompt
        if hold is None or hold.output is None
        else replace(prompt, params={**prompt.params, "max_tokens": hold.output})
    )
