"""What the environment says of providers: which there are, their keys and addresses, and which models they offer.

`serve` makes rows of it for staff to go on from: structure only. Keys and addresses are read by each process anew.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from django.conf import settings
from django.db import connection, transaction

from llm.client.types import Dialect
from llm.models import Model, Provider

logger = logging.getLogger("parley.llm")

DEMO = "demo"
DEMO_ORDER = 1000  # behind all others
VENDORS = {"openai": "OpenAI", "gemini": "Gemini", "anthropic": "Anthropic"}  # their labels
_SETTINGS = [f"{vendor.upper()}_{what}" for vendor in VENDORS for what in ("API_KEY", "BASE_URL", "MODEL", "MODELS")]
relevant_settings: Callable[[object], tuple[object, ...]] = attrgetter(
    "DEFAULT_MODEL", "MODEL_ALIASES", "OPENAI_API", "OPENAI_QUIRKS", *_SETTINGS
)


@dataclass(frozen=True, slots=True)
class Vendor:
    """A provider of the environment; `model_ids` begin with the one that is meant by its name alone."""

    name: str
    label: str
    adapter: Dialect
    base_url: str
    key: str
    model_ids: tuple[str, ...]
    order: int
    quirks: tuple[str, ...] = ()


def vendors() -> Iterator[Vendor]:
    """Yield the vendors, configured or not, and then the demo."""
    for place, (name, label) in enumerate(VENDORS.items()):
        address, key = setting(name, "BASE_URL"), setting(name, "API_KEY")
        ids = (default_id(name), *getattr(settings, f"{name.upper()}_MODELS"))
        model_ids = tuple(each for each in dict.fromkeys(ids) if each)
        quirks = tuple(settings.OPENAI_QUIRKS) if name == "openai" else ()
        yield Vendor(name, label, dialect_of(name, address), address, key, model_ids, place, quirks)
    yield Vendor(DEMO, "Demo", "demo", "", "", (DEMO,), DEMO_ORDER)


def vendor_named(name: str) -> Vendor | None:
    return next((vendor for vendor in vendors() if vendor.name == name), None)


def configured(vendor: str) -> bool:
    """Tell whether the environment has a key for a vendor or, for servers that need none, an address."""
    return bool(setting(vendor, "API_KEY") or setting(vendor, "BASE_URL"))


def setting(vendor: str, what: str) -> str:
    return str(getattr(settings, f"{vendor.upper()}_{what}"))


def dialect_of(vendor: str, base_url: str) -> Dialect:
    """Return what a vendor speaks: OpenAI itself Responses, a compatible server chat completions, unless told."""
    if vendor == "gemini":
        return "gemini"
    if vendor == "anthropic":
        return "anthropic"
    wants_chat = settings.OPENAI_API == "chat" or (not settings.OPENAI_API and base_url)
    return "openai_chat" if wants_chat else "openai_responses"


def default_id(vendor: str) -> str:
    """Return the vendor's default id, moved on if the vendor itself has retired it.

    A compatible server behind a base address may well serve a model of that old name.
    """
    chosen = setting(vendor, "MODEL")
    if setting(vendor, "BASE_URL") or chosen in getattr(settings, f"{vendor.upper()}_MODELS"):
        return chosen
    successor = successor_of(chosen) or ""
    return successor.removeprefix(f"{vendor}/") if successor.startswith(f"{vendor}/") else chosen


def successor_of(name: str) -> str | None:
    """Return what `MODEL_ALIASES` has for a retired name, which may carry its vendor's prefix."""
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


@transaction.atomic
def make_rows() -> None:
    """Give what the environment names rows for staff to edit; none that is there is changed. Servers wait in turn."""
    if connection.vendor == "postgresql":  # on SQLite the transaction itself is the lock
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('parley: rows of the environment'))")
    for vendor in vendors():
        given = {"label": vendor.label, "order": vendor.order, "from_environment": True}
        provider, _ = Provider.objects.get_or_create(name=vendor.name, defaults=given)
        there = set(provider.models.values_list("model_id", flat=True))
        for model_id in vendor.model_ids:
            if model_id not in there:
                Model.objects.create(provider=provider, model_id=model_id, from_environment=True, order=0)
