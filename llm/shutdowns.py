"""Models that their vendors are about to end."""

import logging
from collections.abc import Iterable
from datetime import date, timedelta

from django.utils import timezone

from llm.catalog import Model, catalog
from llm.snapshot import refresh_rows

logger = logging.getLogger("parley.llm")
WARNING_DAYS = 60


def ending(models: Iterable[Model], today: date) -> list[Model]:
    """Return those that can answer now and end within `WARNING_DAYS`, or have ended, the first to go first."""
    until = today + timedelta(days=WARNING_DAYS)
    found = [each for each in models if each.available and each.shutdown and each.shutdown <= until]
    return sorted(found, key=lambda each: (each.shutdown or until, each.name))


def when(shutdown: date, today: date) -> str:
    """Say when a model ends."""
    return f"{'was' if shutdown <= today else 'will be'} shut down by its vendor on {shutdown}"


def warn_of_shutdowns() -> None:
    """Log what is about to stop answering."""
    refresh_rows()
    today = timezone.now().date()
    for model in ending(catalog().models, today):
        assert model.shutdown is not None
        logger.warning("model %s %s: offer another one", model.name, when(model.shutdown, today))
