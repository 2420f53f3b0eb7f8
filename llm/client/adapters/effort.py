"""How hard a model is to think, in the words that a dialect has for it."""

from collections.abc import Sequence
from typing import get_args

from llm.client.types import Effort

ORDER: tuple[Effort, ...] = get_args(Effort)


def nearest_effort(asked: Effort, known: Sequence[Effort]) -> Effort:
    """Return the greatest effort that a dialect knows up to the one asked for, or else its least; `known` rises."""
    return next((each for each in reversed(known) if ORDER.index(each) <= ORDER.index(asked)), known[0])
