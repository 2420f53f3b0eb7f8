"""`manage.py rotate_secrets`: everything that is kept sealed, sealed anew with the first of `SECRETS_KEYS`."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from common.secrets import SealedField, Unreadable, resealed


class Command(BaseCommand):
    help = "Seals what is kept sealed anew with the first of SECRETS_KEYS; then the older ones can go."

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = 0, list[str]()
        for model, field in _sealed():
            for pk in model._default_manager.exclude(**{field: ""}).values_list("pk", flat=True):
                try:
                    done += _rotate(model, field, pk)
                except Unreadable:
                    unreadable.append(f"{model._meta.label} {pk}")
        self.stdout.write(f"Sealed anew: {done}.")
        if unreadable:
            raise CommandError(f"No key opens these, enter them anew: {', '.join(unreadable)}.")


def _sealed() -> list[tuple[type[models.Model], str]]:
    fields = [(model, field) for model in apps.get_models() for field in model._meta.concrete_fields]
    return [(model, field.name) for model, field in fields if isinstance(field, SealedField)]


@transaction.atomic
def _rotate(model: type[models.Model], field: str, pk: Any) -> int:
    """Reseal one row, locked, so that what is entered meanwhile is not overwritten; return how many were."""
    row = model._default_manager.select_for_update().filter(pk=pk).first()
    if row is None or not getattr(row, field):
        return 0
    setattr(row, field, resealed(getattr(row, field)))
    row.save(update_fields=[field])
    return 1
