"""What a model can do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of a model; None is not known, and then whatever is asked for is passed on."""

    tools: bool | None = None
    images: bool | None = None
    files: bool | None = None
    structured_output: bool | None = None
    sampling: bool | None = None  # temperature, top_p
    efforts: tuple[str, ...] | None = None  # empty: it does not reason
    context_tokens: int | None = None
    max_output_tokens: int | None = None


UNKNOWN = Abilities()
