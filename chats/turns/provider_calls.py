"""The calls of providers that a turn makes: whom it asks, what that may use, and what it has come to."""

import asyncio
from collections.abc import Awaitable, Callable

from django.conf import settings

from chats.turns.charging import bound_of, bounded
from chats.turns.fallbacks import ProviderSilent, Route
from chats.turns.limits import Clock
from chats.turns.metering import Meter
from chats.turns.requests import TurnJob
from chats.turns.writes import raise_turn
from common.executor import database
from common.retrying import retry_conflicts
from llm.catalog import Model
from llm.client.errors import ProviderError
from llm.client.types import Finished, Prompt, ProviderCall
from usage.allowance import Held
from usage.attempts import AttemptRow
from usage.limits import Bound


class TurnLost(Exception):
    """The turn is not ours any more: somebody else has ended it, or it was deleted."""


class ProviderCalls:
    """Who is asked, first and in the place of what fails; each call is metered, and held before it is made."""

    def __init__(self, job: TurnJob, clock: Clock) -> None:
        self.charge, self._before = job.charge, job.cost  # of what was done before a wait
        self._turn, self._clock, self._meter, self._tries = (job.turn_id, job.epoch), clock, Meter(), 1
        self._route = Route(job.model, job.charge, job.may_fall_back)
        self._waiting: asyncio.Task[object] | None = None  # while a provider is asked
        self._is_late = False

    @property
    def model(self) -> Model:
        """Return the model that is asked, or has answered."""
        return self._route.model

    @property
    def fallback(self) -> dict[str, str] | None:
        return self._route.fallback

    @property
    def attempts(self) -> list[AttemptRow]:
        return self._meter.attempts

    @property
    def cost(self) -> int | None:
        """Micro-units of the whole reply; None where nothing of it has a price."""
        costs = [cost for cost in (self._before, self._meter.cost) if cost is not None]
        return sum(costs) if costs else None

    async def answer(
        self, prompt: Prompt, consume: Callable[[Prompt], Awaitable[Finished]], has_text: Callable[[], bool]
    ) -> Finished:
        """Ask the model; where its provider fails before anything of the reply has come, those named in its place."""
        if not has_text():
            prompt = await self._route.begin(prompt, self._raise_hold)
        while True:
            self._meter.asks(prompt)
            try:
                finished = await self._in_time(consume(prompt))
            except ProviderError as error:
                if has_text():
                    raise
                self._meter.ends(reason=error.code)
                prompt = await self._route.after(error, self._tries, prompt, self._raise_hold)
                self._clock.resume()
            else:
                self._route.note_answer()
                return finished

    async def _in_time(self, answer: Awaitable[Finished]) -> Finished:
        """Read an answer; raise ProviderSilent where the provider is given up for another."""
        self._waiting = task = asyncio.current_task()
        try:
            return await answer
        except asyncio.CancelledError:
            if not self._is_late or task is None or task.uncancel():  # somebody else has cancelled it, too
                raise
            raise ProviderSilent(self.model.provider) from None
        finally:
            self._waiting, self._is_late = None, False

    def give_up(self, now: float) -> bool:
        """Ask another in the place of a provider that says nothing; False where nobody, or no time, is left."""
        if self._waiting is None or not self._route.has_more or now - self._clock.started > settings.REPLY_TIMEOUT:
            return False
        if not self._is_late:
            self._is_late = self._waiting.cancel()
        return True

    def begins(self, call: ProviderCall) -> None:
        self._tries = call.number
        self._clock.attempt(call.number)
        self._meter.begins(call)

    def ends(self, size_of_reply: Callable[[], int], reason: str = "") -> None:
        """Take account of the last call, as `Meter.ends` does."""
        self._meter.ends(size_of_reply, reason)

    async def allowed(self, prompt: Prompt) -> Prompt:
        """Hold what a further call may use, where anything bounds it; raise QuotaExceeded, or TurnLost."""
        hold = self.charge.hold
        if hold and hold.output is not None:
            hold = await self._raise_hold(bound_of(self.model, prompt))
        return bounded(prompt, hold)

    async def _raise_hold(self, bound: Bound) -> Held:
        spent, (id_, epoch) = (self._meter.tokens, self._meter.cost or 0), self._turn
        raised = await database().write(retry_conflicts, raise_turn, id_, epoch, self.charge, spent, bound)
        if raised is None:
            raise TurnLost()
        self.charge.hold = raised
        return raised
