"""Who answers in a model's place where its provider is overloaded, out of reach or silent, before any text has come."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from chats.errors import Unsupported
from chats.services.open_models import find_open_models
from chats.turns.charging import bound_of, bounded
from chats.turns.model_choice import require_answerable
from common.executor import database
from llm import breaker
from llm.catalog import Model
from llm.client.errors import ProviderBusy, ProviderError
from llm.client.types import Prompt
from usage.allowance import Charge, Held
from usage.limits import Bound, rules_for

logger = logging.getLogger("parley.turns")

RaiseHold = Callable[[Bound], Awaitable[Held]]


class ProviderSilent(ProviderBusy):
    """Nothing came in time; that is not tried again at the same provider."""

    code = "provider_timeout"


class Route:
    """The model that is asked, and after it those that staff have named as its fallbacks.

    `raise_hold` holds what another model may use. It is given where it is wanted: kept, it would tie the turn into a
    cycle, which waits with its prompt for Python's collector.
    """

    def __init__(self, model: Model, charge: Charge, is_allowed: bool) -> None:
        self.model, self._asked, self._charge = model, model, charge
        self._left = list(model.fallbacks) if is_allowed else []
        self.reason = ""  # why another than the one asked for answers

    @property
    def has_more(self) -> bool:
        return bool(self._left)

    @property
    def fallback(self) -> dict[str, str] | None:
        """Return what was asked for, and why that has not answered; None where it has."""
        return {"asked": self._asked.name, "reason": self.reason} if self.reason else None

    async def begin(self, prompt: Prompt, raise_hold: RaiseHold) -> Prompt:
        """Return the prompt to ask first: a provider that keeps failing is passed over where another can answer."""
        if not self._left or breaker.lets_through(self.model.provider):
            return prompt
        return await self._next("provider_busy", prompt, raise_hold) or prompt

    def note_answer(self) -> None:
        breaker.note_answer(self.model.provider)

    async def after(self, error: ProviderError, tries: int, prompt: Prompt, raise_hold: RaiseHold) -> Prompt:
        """Note a failure before any text, and return the prompt for the next model; raise the error where none is."""
        if not isinstance(error, ProviderBusy):
            raise error
        breaker.note_failures(self.model.provider, tries, error.retry_after)
        found = await self._next(error.code, prompt, raise_hold)
        if found is None:
            raise error
        return found

    async def _next(self, reason: str, prompt: Prompt, raise_hold: RaiseHold) -> Prompt | None:
        """Go on to the next model that is open to the user, can do what is asked, and has room in all limits."""
        models = await find_open_models(self._charge.account.user_id) if self._left else None
        while self._left and models:
            name = self._left.pop(0)
            model = models.named(name)
            asked = _for_model(prompt, model) if model and model.available else None
            if model is None or asked is None or not _can_answer(model, asked):
                continue
            if not breaker.lets_through(model.provider) and self._left:
                continue
            if not await self._is_within_rules(model):
                continue
            asked = await self._held(model, asked, raise_hold)
            logger.warning("%s answers for %s: %s", model.name, self.model.name, reason)
            self.model, self.reason = model, reason
            return asked
        return None

    async def _is_within_rules(self, model: Model) -> bool:
        """Tell whether what bounds the model is held already; limits of its own would not be counted on."""
        rules = await database().read(rules_for, self._charge.asking, model.name)
        return all(rule in self._charge.rules for rule in rules)

    async def _held(self, model: Model, asked: Prompt, raise_hold: RaiseHold) -> Prompt:
        if self._charge.hold is None or self._charge.hold.output is None:
            return asked
        return bounded(asked, await raise_hold(bound_of(model, asked)))


def _can_answer(model: Model, prompt: Prompt) -> bool:
    try:
        require_answerable(model, prompt)
    except Unsupported:
        return False
    return True


def _for_model(prompt: Prompt, model: Model) -> Prompt:
    """Return the same prompt to another model, its answer no longer than that can make it."""
    params, most = dict(prompt.params), model.abilities.max_output_tokens
    if most and params.get("max_tokens", 0) > most:
        params["max_tokens"] = most
    return replace(prompt, model=model.id, params=params)
