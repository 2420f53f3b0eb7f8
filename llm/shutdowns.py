"""Models that their vendors are about to end."""

import logging
from collections.abc import Iterable
from datetime import date, timedelta

from django.utils import timezone

from llm.catalog import Model, catalog
from llm.snapshot import refresh_rows

logger = logging.getLogger("parley.llm")
WARNING_DAYS = 60


def ending(models: Iterable[Model], today: date) -> list[tuple[date, str]]:
    """Return day and name of what can answer now and ends within `WARNING_DAYS`, or has ended, first ones first."""
    until = today + timedelta(days=WARNING_DAYS)
    return sorted((each.shutdown, each.name) for each in models
                  if each.available and each.shutdown and each.shutdown <= until)  # fmt: skip


def when(shutdown: date, today: date) -> str:
    """Say when a model ends."""
    return f"{'was' if shutdown <= today else 'will be'} shut down by its vendor on {shutdown}"


def warn_of_shutdowns() -> None:
    """Log what is about to stop answering."""
    refresh_rows()
    today = timezone.now().date()
    for day, name in ending(catalog().models, today):
        logger.warning("model %s %s: offer another one", name, when(day, today))
