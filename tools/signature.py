"""From the signature of a function to a model of its arguments, which checks them and says their JSON Schema."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints


def arguments_of(function: Callable[..., Any]) -> Any:
    """Return a pydantic model class of the keyword-only parameters; unknown arguments are refused."""
    from pydantic import ConfigDict, create_model

    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        each.name: (_described(hints[each.name]), ... if each.default is Parameter.empty else each.default)
        for each in signature(function).parameters.values()
        if each.kind is Parameter.KEYWORD_ONLY
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _described(hint: Any) -> Any:
    """Turn the words of `Annotated[type, "words"]` into the description of a field."""
    from pydantic import Field

    if get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    described = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[(kind, *described)]
