"""What the calls of providers that a reply takes come to: tokens as told, else estimated, at the prices in force."""

import time
from collections.abc import Callable

from chats.signals import call_ended
from llm.client.types import Prompt, ProviderCall, Usage
from llm.prices import Prices
from llm.routing import prices_in_force
from llm.tokens import estimated, prompt_size, sane
from usage.attempts import MOST_COST, AttemptRow


class Meter:
    """Notes each call, with the prices at its start; `attempts` are those that have been taken account of."""

    def __init__(self) -> None:
        self.attempts: list[AttemptRow] = []
        self._call: tuple[ProviderCall, Prices] | None = None
        self._prompt: Prompt  # of the step

    def asks(self, prompt: Prompt) -> None:
        """Note what is asked next, before its first call."""
        self._prompt = prompt

    def begins(self, call: ProviderCall) -> None:
        """Note a call; the one before has failed without having said anything."""
        self.ends()
        self._call = call, prices_in_force(f"{call.provider}/{call.model}")

    def ends(self, size_of_reply: Callable[[], int] = int, reason: str = "") -> None:
        """Take account of the last call; `reason` is why it was ended early.

        The bytes of what has come are asked for where the provider has not told its tokens.
        """
        if self._call is None:
            return
        (call, prices), self._call = self._call, None
        size = 0 if call.usage else size_of_reply()  # what has said nothing has cost nothing
        usage = call.usage or (Usage(estimated(prompt_size(self._prompt)), estimated(size)) if size else Usage(0, 0))
        row = _row(call, prices, sane(usage), reason, is_estimated=size > 0)
        self.attempts.append(row)
        call_ended.send_robust(Meter, row=row, number=call.number)

    @property
    def tokens(self) -> int:
        return sum([row.tokens for row in self.attempts])

    @property
    def cost(self) -> int | None:
        """Micro-units of all calls; None where none of them has a price."""
        priced = [row.cost for row in self.attempts if row.input_price is not None or row.output_price is not None]
        return sum(priced) if priced else None


def _row(call: ProviderCall, prices: Prices, usage: Usage, reason: str, is_estimated: bool) -> AttemptRow:
    return AttemptRow(
        call.provider, call.model, call.begun, call.first, call.ended or time.time(),
        call.error or ("" if call.usage else reason), usage.prompt, usage.completion, usage.cached, usage.reasoning,
        is_estimated, prices.input, prices.output, prices.cached_input, min(prices.cost(usage), MOST_COST),
    )  # fmt: skip
