"""What a model costs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """Micro-units of the currency for a million tokens; None is not known."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None


UNPRICED = Prices()
