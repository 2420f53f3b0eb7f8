"""What is known of the vendors' own models: the shipped file `known_models.json`, with the day it was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from llm.abilities import UNKNOWN, Abilities
from llm.client.types import Dialect
from llm.prices import UNPRICED, Prices

FILE = Path(__file__).with_name("known_models.json")
VENDOR_OF: Mapping[str, str] = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}


@dataclass(frozen=True, slots=True)
class KnownModel:
    label: str = ""
    abilities: Abilities = UNKNOWN
    prices: Prices = UNPRICED
    shutdown: date | None = None  # when its vendor ends it


NOT_KNOWN = KnownModel()


def known_model(adapter: Dialect, model_id: str) -> KnownModel:
    """Return what is known of a model at the vendor whose dialect this is; nothing for what the file has not."""
    return known_models().get(f"{VENDOR_OF.get(adapter, adapter)}/{model_id}", NOT_KNOWN)


@cache
def known_models() -> dict[str, KnownModel]:
    """Return what is known, by `vendor/id`."""
    return {name: _read(said) for name, said in _file()["models"].items()}


def date_of_file() -> date:
    return date.fromisoformat(_file()["date"])


@cache
def _file() -> dict[str, Any]:
    return orjson.loads(FILE.read_bytes())  # type: ignore[no-any-return]


def _read(said: Mapping[str, Any]) -> KnownModel:
    abilities = dict(said["abilities"])
    if abilities.get("efforts") is not None:
        abilities["efforts"] = tuple(abilities["efforts"])
    shutdown = said.get("shutdown")
    return KnownModel(
        said["label"],
        Abilities(**abilities),
        Prices(**said.get("prices", {})),
        date.fromisoformat(shutdown) if shutdown else None,
    )
