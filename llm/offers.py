"""What each provider offers: the environment's structure, with the rows of staff laid over it."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from common.secrets import Unreadable, unseal
from llm.abilities import UNKNOWN, Abilities
from llm.client.client import ADAPTERS
from llm.client.types import Dialect, ProviderConfig, Quirks
from llm.environment import DEMO, Vendor, dialect_of, vendors
from llm.known_models import NOT_KNOWN, KnownModel, known_model
from llm.models import Model as ModelRow
from llm.models import Provider
from llm.prices import UNPRICED, Prices
from llm.quirks import quirks_of
from llm.snapshot import Rows

logger = logging.getLogger("parley.llm")


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it may be chosen; `available` = its own provider can answer now."""

    provider: str
    id: str
    label: str
    available: bool
    default: bool = False
    abilities: Abilities = UNKNOWN
    prices: Prices = UNPRICED
    shutdown: date | None = None  # when its vendor ends it
    aliases: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    groups: frozenset[int] | None = None  # whose members may use it; None: everybody

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.id}"


@dataclass(frozen=True, slots=True)
class Offer:
    """An enabled provider and its enabled models, in order; `default_id` is the one that its name alone means."""

    config: ProviderConfig
    is_usable: bool
    models: tuple[Model, ...]
    default_id: str


def current_offers(found: Rows) -> Iterator[Offer]:
    """Yield what the enabled providers offer, in order."""
    given = {vendor.name: vendor for vendor in vendors()}
    named = {row.name: row for row in found.providers}
    staffs = [row.name for row in found.providers if row.name not in given and not row.from_environment]
    orders = {name: named[name].order if name in named else given[name].order for name in (*given, *staffs)}
    for name in sorted(orders, key=orders.__getitem__):
        vendor, row = given.get(name), named.get(name)
        if row is None or row.enabled:
            yield _offer(name, vendor, row, found)


def _offer(name: str, vendor: Vendor | None, row: Provider | None, found: Rows) -> Offer:
    config, is_usable = config_of(vendor, row or Provider(name=name))
    ids = vendor.model_ids if vendor else ()
    rows = {each.model_id: each for each in found.models.get(name, ())}
    # What the environment named once and does not name now is not offered, though staff may have edited it.
    listed = [*ids, *(each for each, model in rows.items() if each not in ids and not model.from_environment)]
    models = sorted(
        (rows.get(each) or ModelRow(model_id=each, order=0) for each in listed), key=lambda model: model.order
    )
    made = [_model(config, is_usable, model, found.groups) for model in models if model.enabled]
    return Offer(config, is_usable, tuple(made), ids[0] if ids else "")


def config_of(vendor: Vendor | None, row: Provider) -> tuple[ProviderConfig, bool]:
    """Return how a provider is asked, and whether it can answer.

    A row with an address or a key of its own gets neither from the environment: no key goes where staff alone point.
    """
    name = row.name
    if vendor and not row.base_url and not row.sealed_key:
        address, key, readable, quirks = vendor.base_url, vendor.key, True, vendor.quirks
        adapter: Any = row.adapter or vendor.adapter
    else:
        address, (key, readable), quirks = row.base_url, _key_of(row), ()
        adapter = row.adapter or dialect_of(name, address)
    config = ProviderConfig(name, adapter, address, key, _quirks(row, address, quirks))
    answers = adapter == DEMO or bool(key or address)
    return config, readable and answers and adapter in ADAPTERS


def _key_of(row: Provider) -> tuple[str, bool]:
    try:
        return unseal(row.sealed_key), True
    except Unreadable:
        logger.error("the key of provider %s cannot be read with SECRETS_KEYS: enter it anew", row.name)
        return "", False


def _quirks(row: Provider, address: str, given: tuple[str, ...]) -> Quirks:
    try:
        return quirks_of(row.quirks, address, given)
    except ValueError as error:  # of another version
        logger.error("provider %s: quirks are left out: %s", row.name, error)
        return Quirks()


def _model(config: ProviderConfig, is_usable: bool, row: ModelRow, groups: Mapping[int, frozenset[int]]) -> Model:
    known = known_of(config.adapter, config.base_url, row.model_id)
    return Model(
        config.name, row.model_id, row.label or known.label or row.model_id, is_usable, False,
        abilities_of(row, known), prices_of(row, known), known.shutdown,
        tuple(row.aliases), tuple(row.fallbacks), groups.get(row.pk or 0),
    )  # fmt: skip


def known_of(adapter: Dialect, base_url: str, model_id: str) -> KnownModel:
    """Return what is known of a model; of one behind another address than its vendor's, nothing is."""
    return NOT_KNOWN if base_url else known_model(adapter, model_id)


def abilities_of(row: ModelRow, known: KnownModel) -> Abilities:
    said = {each.name: getattr(row, each.name) for each in fields(Abilities)}
    if said["efforts"] is not None:
        said["efforts"] = tuple(said["efforts"])
    return Abilities(**{name: getattr(known.abilities, name) if said[name] is None else said[name] for name in said})


def prices_of(row: ModelRow, known: KnownModel) -> Prices:
    said = {each.name: getattr(row, f"{each.name}_price") for each in fields(Prices)}
    return Prices(**{name: getattr(known.prices, name) if said[name] is None else said[name] for name in said})
