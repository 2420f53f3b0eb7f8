"""Which models there are, what they are called, and which of them answers: the rows of staff over the environment.

A `Catalog` never changes; `catalog()` gives the one that holds now, without a word to the database.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from django.conf import settings

from llm.client.client import ADAPTERS
from llm.client.errors import ProviderRefused
from llm.client.types import ProviderConfig
from llm.environment import DEMO, relevant_settings, successor_of
from llm.errors import ProviderNotConfigured, UnknownModel
from llm.offers import Model, Offer, current_offers
from llm.snapshot import Rows, rows

__all__ = ["NO_SUCH_MODEL", "Catalog", "Model", "catalog", "provider_config", "resolve"]
NO_SUCH_MODEL = "There is no such model here."


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The models that somebody may choose, and how their providers are asked."""

    offers: Mapping[str, Offer]  # of enabled providers, by name, in order
    models: tuple[Model, ...]
    chosen_default: str  # by staff; DEFAULT_MODEL wins over it
    _names: dict[str, Model] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for provider, offer in self.offers.items():
            models = [each for each in self.models if each.provider == provider]
            if models:
                self._names[provider] = next((each for each in models if each.id == offer.default_id), models[0])
        for model in self.models:
            self._names.setdefault(model.name, model)
            self._names.setdefault(model.id, model)
        for model in self.models:  # who lists an old name means it, so aliases come last
            for alias in model.aliases:
                self._names.setdefault(alias, model)
                self._names.setdefault(f"{model.provider}/{alias}", model)

    def resolve(self, name: str | None) -> Model:
        """Find the model that really answers to a name; None or nothing means the default.

        Takes `provider/id`, the bare id of a listed model, a provider's name alone (its default model) or an alias.
        While no provider can answer, the demo answers to every known name. Raises UnknownModel, ProviderNotConfigured.
        """
        found = self._find(name) if name else self._default()
        if not found.available and self._demo_answers and (demo := self._names.get(f"{DEMO}/{DEMO}")):
            return demo
        if not found.available:
            raise ProviderNotConfigured(found.provider)
        return found

    def named(self, name: str) -> Model | None:
        """Return the model of a full name, `provider/id`."""
        return self._names.get(name)

    def is_known(self, name: str) -> bool:
        """Tell whether some model answers to a name, be its provider set up or not."""
        return self._lookup(name) is not None

    def listing(self) -> list[Model]:
        """Return every model that may be chosen, in order."""
        try:
            default = self.resolve(None).name
        except (UnknownModel, ProviderNotConfigured):
            default = ""
        return [replace(each, default=True) if each.name == default else each for each in self.models]

    @property
    def is_restricted(self) -> bool:
        """Tell whether some of the models are for some groups only."""
        return any(each.groups is not None for each in self.models)

    def seen_by(self, groups: Collection[int] | None) -> "Catalog":
        """Return what members of these groups may choose; None: all of it."""
        return self if groups is None else _seen_by(self, frozenset(groups))

    @property
    def _demo_answers(self) -> bool:
        return not any(offer.is_usable for name, offer in self.offers.items() if name != DEMO)

    def _default(self) -> Model:
        """Return DEFAULT_MODEL, else what staff have chosen, else the first that can answer."""
        for name in filter(None, (settings.DEFAULT_MODEL, self.chosen_default)):
            if (found := self._lookup(name)) and (found.available or name == settings.DEFAULT_MODEL):
                return found
        firsts = [self._names[name] for name in self.offers if name in self._names]
        found = next((each for each in firsts if each.available), None)
        if found is None:
            raise UnknownModel("")
        return found

    def _find(self, name: str) -> Model:
        found = self._lookup(name)
        if found is None:
            raise UnknownModel(name)
        return found

    def _lookup(self, name: str) -> Model | None:
        return self._names.get(name) or self._names.get(successor_of(name) or "")


@lru_cache(maxsize=128)
def _seen_by(whole: Catalog, groups: frozenset[int]) -> Catalog:
    open_ = [each for each in whole.models if each.groups is None or each.groups & groups]
    return Catalog(whole.offers, tuple(open_), whole.chosen_default)


def catalog() -> Catalog:
    """Return the whole catalogue as it holds now."""
    global _made
    stands_on = (rows(), *relevant_settings(settings))
    if _made is None or _made[0] != stands_on:
        _made = stands_on, _catalog_of(rows())
    return _made[1]


_made: tuple[tuple[Any, ...], Catalog] | None = None


def _catalog_of(found: Rows) -> Catalog:
    enabled = {offer.config.name: offer for offer in current_offers(found)}
    models = [model for offer in enabled.values() for model in offer.models]
    chosen = next((f"{row.provider.name}/{row.model_id}" for each in found.models.values() for row in each
                   if row.default), "")  # fmt: skip
    return Catalog(enabled, tuple(models), chosen)


def resolve(name: str | None) -> Model:
    """Find a model in the whole catalogue: what the server itself asks, for nobody in particular."""
    return catalog().resolve(name)


def provider_config(name: str) -> ProviderConfig:
    """Return how a provider is asked now; raise ProviderRefused for one that is switched off or gone."""
    offer = catalog().offers.get(name)
    if offer is None or offer.config.adapter not in ADAPTERS:
        raise ProviderRefused(name, "switched off")
    return offer.config
