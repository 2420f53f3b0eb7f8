"""What a model costs."""

from dataclasses import dataclass

from llm.client.types import Usage

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Micro-units of the currency for a million tokens; None is not known."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None

    @property
    def are_known(self) -> bool:
        return self.input is not None or self.output is not None

    def cost(self, usage: Usage) -> int:
        """Return what a call comes to in micro-units, rounded up once; what has no price costs nothing."""
        whole = self.input or 0
        cached = whole if self.cached_input is None else self.cached_input
        fresh = usage.prompt - usage.cached
        return -(-(fresh * whole + usage.cached * cached + usage.completion * (self.output or 0)) // MILLION)


UNPRICED = Prices()
