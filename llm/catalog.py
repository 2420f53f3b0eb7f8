"""Which models there are, what they are called, and which of them answers."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from llm.abilities import DEMO as DEMO_ABILITIES
from llm.abilities import UNKNOWN, Abilities
from llm.client.types import Dialect, ProviderConfig, Quirks
from llm.errors import ProviderNotConfigured, UnknownModel

logger = logging.getLogger("parley.llm")

VENDORS = ("openai", "gemini")
DIALECTS: dict[str, Dialect] = {"openai": "openai_chat", "gemini": "gemini", "demo": "demo"}
DEMO = "demo"
NO_SUCH_MODEL = "There is no such model here."


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it may be chosen; `available` = its own provider can answer now."""

    provider: str
    id: str
    label: str
    available: bool
    default: bool
    abilities: Abilities = UNKNOWN

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.id}"


def resolve(name: str | None) -> Model:
    """Find the model that really answers to a name; None means the default.

    Takes `provider/id`, the bare id of a listed model, a provider's name alone (its default
    model) or an alias. While no vendor is configured the demo answers to every known name.
    """
    provider, model_id = _find(name) if name else _default()
    if provider == DEMO or not _any_configured():
        return _model(DEMO, DEMO)
    if not configured(provider):
        raise ProviderNotConfigured(provider)
    return _model(provider, model_id)


def is_known(name: str) -> bool:
    """Tell whether some model answers to a name, be its provider set up or not."""
    return bool(_lookup(name) or _lookup(_forward(name)))


def listing() -> list[Model]:
    """Every model that may be chosen, the vendors' first."""
    return [_model(provider, model_id) for provider, model_id in _listed()]


def configured(vendor: str) -> bool:
    """Tell whether a vendor has a key or, for servers that need none, an address."""
    return bool(_setting(vendor, "API_KEY") or _setting(vendor, "BASE_URL"))


def provider_config(name: str) -> ProviderConfig:
    """Return how a provider is asked now."""
    if name == DEMO:
        return ProviderConfig(DEMO, DIALECTS[DEMO])
    address = _setting(name, "BASE_URL")
    known = dict.fromkeys(settings.OPENAI_QUIRKS if name == "openai" else (), True)
    quirks = Quirks(**{"wants_reasoning_content": "deepseek" in address, **known})
    return ProviderConfig(name, DIALECTS[name], address, _setting(name, "API_KEY"), quirks)


def _any_configured() -> bool:
    return any(map(configured, VENDORS))


def _setting(vendor: str, what: str) -> str:
    return str(getattr(settings, f"{vendor.upper()}_{what}"))


def _model(provider: str, model_id: str) -> Model:
    label = "Demo (no key needed)" if provider == DEMO else model_id
    return Model(
        provider=provider,
        id=model_id,
        label=label,
        available=provider == DEMO or configured(provider),
        default=(provider, model_id) == _answering_default(),
        abilities=DEMO_ABILITIES if provider == DEMO else UNKNOWN,
    )


def _answering_default() -> tuple[str, str] | None:
    """What a nameless request gets; None if DEFAULT_MODEL names nothing."""
    if not _any_configured():
        return DEMO, DEMO
    try:
        return _default()
    except UnknownModel:
        return None


def _default() -> tuple[str, str]:
    if settings.DEFAULT_MODEL:
        return _find(settings.DEFAULT_MODEL)
    return _find(next(filter(configured, VENDORS), DEMO))


def _find(name: str) -> tuple[str, str]:
    """Look among the listed models first: who lists an old name means it."""
    found = _lookup(name) or _lookup(_forward(name))
    if found is None:
        raise UnknownModel(name)
    return found


def _lookup(name: str | None) -> tuple[str, str] | None:
    if name in VENDORS:
        return name, _default_id(name)
    # Demo's own name, alone or prefixed, falls out of the same search.
    return next((m for m in _listed() if name in (m[1], "/".join(m))), None)


def _forward(name: str) -> str | None:
    """Give the successor of a retired name, which may carry its vendor's prefix."""
    aliases: Mapping[str, str] = settings.MODEL_ALIASES
    vendor, _, bare = name.partition("/")
    target = aliases.get(name)
    if target is None and vendor in VENDORS:
        target = aliases.get(bare)
    if target is not None:
        _note_forward(name, target)
    return target


@cache
def _note_forward(name: str, target: str) -> None:
    """Log a forward the first time only; aliases are few, so the cache stays small."""
    logger.info("Model %s is answered by %s", name, target)


def _listed() -> Iterator[tuple[str, str]]:
    for vendor in VENDORS:
        ids = (_default_id(vendor), *getattr(settings, f"{vendor.upper()}_MODELS"))
        yield from ((vendor, model_id) for model_id in dict.fromkeys(ids) if model_id)
    yield DEMO, DEMO


def _default_id(vendor: str) -> str:
    """The vendor's default id, moved on if the vendor itself has retired it.

    A compatible server behind a base address may well serve a model of that old name.
    """
    chosen = _setting(vendor, "MODEL")
    if _setting(vendor, "BASE_URL") or chosen in getattr(settings, f"{vendor.upper()}_MODELS"):
        return chosen
    successor = _forward(chosen) or ""
    return successor.removeprefix(f"{vendor}/") if successor.startswith(f"{vendor}/") else chosen
