"""What a provider's row says of how its server differs, as the adapters take it."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import orjson

from llm.client.types import Quirks

NAMES = [each.name for each in fields(Quirks)]


def quirks_of(said: Any, base_url: str = "", switched_on: Iterable[str] = ()) -> Quirks:
    """Return quirks: what is said, over those switched on and what is known of the address.

    Raises ValueError for what is none of them.
    """
    said = said or {}
    if not isinstance(said, Mapping):
        raise ValueError("Give a JSON object.")
    if unknown := sorted(set(said) - set(NAMES)):
        raise ValueError(f"There is no quirk {unknown[0][:50]!r}; those there are: {', '.join(NAMES)}.")
    known = {"wants_reasoning_content": True} if "deepseek" in base_url else {}
    known |= dict.fromkeys(switched_on, True)
    return _checked({**known, **said}) if said else Quirks(**known)


def _checked(said: Mapping[str, Any]) -> Quirks:
    """Hold values against the types that the fields have; pydantic is loaded by whoever has any."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Quirks).validate_json(orjson.dumps(said), strict=True)
    except orjson.JSONEncodeError as error:
        raise ValueError("There is something in it that no quirk is.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
