"""From the signature of a function to a model of its arguments, which checks them and says their JSON Schema."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from common.errors import Invalid
from common.text import NOT_STORABLE, is_storable


@dataclass(frozen=True)
class Bounds:
    """How long or large what it annotates may be; pydantic, which is slow to import, asks it for its own words."""

    min_length: int | None = None
    max_length: int | None = None
    ge: int | None = None
    le: int | None = None
    __is_annotated_types_grouped_metadata__ = True

    def __iter__(self) -> Iterator[Any]:
        from pydantic import Field

        return iter(Field(**asdict(self)).metadata)


def arguments_of(function: Callable[..., Any]) -> Any:
    """Return a pydantic model class of the keyword-only parameters; unknown arguments are refused."""
    from pydantic import BeforeValidator, ConfigDict, create_model

    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        each.name: (
            Annotated[_described(hints[each.name]), BeforeValidator(_storable)],
            ... if each.default is Parameter.empty else each.default,
        )
        for each in signature(function).parameters.values()
        if each.kind is Parameter.KEYWORD_ONLY
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def checked_arguments(model: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all arguments, defaults too. Raises Invalid."""
    from pydantic import ValidationError

    from common.views import require_known  # which needs the settings; functions are registered before there are any

    fields = model.model_fields
    require_known(given, fields)  # pydantic would name every one of a hundred thousand
    try:
        checked = model.model_validate(
            {name: value for name, value in given.items() if value is not None or fields[name].is_required()}
        )
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for each in error.errors(include_url=False, include_input=False):
            errors.setdefault(".".join(map(str, each["loc"])), []).append(each["msg"].removeprefix("Value error, "))
        raise Invalid("An argument is missing or wrong.", errors=errors) from error
    return {name: getattr(checked, name) for name in fields}


def _described(hint: Any) -> Any:
    """Turn the words of `Annotated[type, "words"]` into the description of a field."""
    from pydantic import Field

    if get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    described = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[(kind, *described)]


def _storable(value: Any) -> Any:
    """Return a JSON value all of whose texts can be stored; raise ValueError for any other."""
    if isinstance(value, str) and not is_storable(value):
        raise ValueError(NOT_STORABLE)
    if isinstance(value, list | dict):
        for each in value if isinstance(value, list) else [*value, *value.values()]:
            _storable(each)
    return value
