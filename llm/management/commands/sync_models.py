"""`manage.py sync_models`: what differs between the models that are offered and the shipped file of known ones."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from llm.catalog import Model, catalog
from llm.known_models import VENDOR_OF, KnownModel, date_of_file, known_model, known_models
from llm.shutdowns import ending, when
from llm.snapshot import refresh_rows


class Command(BaseCommand):
    help = "Says how the models on offer differ from the shipped file of known models; changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        refresh_rows()
        self.stdout.write(f"Known models as of {date_of_file()}; what rows leave empty comes from there at once.")
        found = [*_differences(), *_unknown(), *_shutdowns(), *_not_offered()]
        self.stdout.write("\n".join(found) or "Nothing differs.")


def _own_address() -> dict[str, str]:
    """Return the providers that are vendors themselves, each with the name the file has for it."""
    offers = catalog().offers
    return {
        name: VENDOR_OF[offer.config.adapter]
        for name, offer in offers.items()
        if offer.config.adapter in VENDOR_OF and not offer.config.base_url
    }


def _known(model: Model) -> KnownModel:
    return known_model(catalog().offers[model.provider].config.adapter, model.id)


def _vendors_models() -> list[Model]:
    own = _own_address()
    return [model for model in catalog().models if model.provider in own]


def _differences() -> Iterator[str]:
    for model in _vendors_models():
        known = _known(model)
        if known.label:
            said, file = ({**asdict(each.abilities), **asdict(each.prices)} for each in (model, known))
            for name in (name for name in said if said[name] != file[name]):
                yield f"{model.name}: {name} is {_shown(said[name])} here, {_shown(file[name])} in the file"


def _unknown() -> Iterator[str]:
    for model in _vendors_models():
        if not _known(model).label:
            yield f"{model.name}: the file does not know it"


def _shutdowns() -> Iterator[str]:
    today = timezone.now().date()
    for day, name in ending(catalog().models, today):
        yield f"{name}: {when(day, today)}"


def _not_offered() -> Iterator[str]:
    today = timezone.now().date()
    for provider, vendor in _own_address().items():
        offered = {model.id for model in catalog().models if model.provider == provider}
        for name, known in known_models().items():
            id_ = name.removeprefix(f"{vendor}/")
            if name.startswith(f"{vendor}/") and id_ not in offered and not (known.shutdown and known.shutdown < today):
                yield f"{provider}/{id_}: known, but not offered here"


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    return "/".join(value) or "none" if isinstance(value, tuple) else str(value)
