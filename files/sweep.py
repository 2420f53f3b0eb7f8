"""Files that nothing refers to: marked, their bytes deleted, then the row; whatever dies in between is done again."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef, Q, QuerySet
from django.utils import timezone

from common.tasks import task
from common.threads import run_in_thread
from files.models import File
from files.space import give_back
from files.storage import delete_bytes

SWEEP_SECONDS = 60.0
AT_ONCE = 100
UPLOAD_HOURS = 1  # after which a file that is still being sent has lost its sender


async def sweep_files() -> int:
    """Delete what has expired; return how many files that were."""
    return await run_in_thread(sweep)


@task
def sweep_soon() -> None:
    """Do so at once: a chat or an account has gone."""
    while sweep():
        pass


def sweep() -> int:
    swept = 0
    for file in _marked():
        delete_bytes(file.pk)
        with transaction.atomic():
            if File.objects.filter(pk=file.pk, state=File.State.DELETING).delete()[0]:
                give_back(file.owner_id, file.size)
        swept += 1
    return swept


@transaction.atomic
def _marked() -> list[File]:
    """Mark what has expired and is referred to by nothing; what another process has in hand is left to it."""
    expired = File.objects.filter(expires_at__lte=timezone.now())
    rows = list(expired.order_by("pk").select_for_update(skip_locked=True)[:AT_ONCE])
    free = unused([row.pk for row in rows])
    File.objects.filter(pk__in=free).update(state=File.State.DELETING)
    return [row for row in rows if row.pk in free]


def unused(locked: list[UUID]) -> set[UUID]:
    """Return those of locked files that nothing refers to; asked once they are locked, so that it stays true."""
    return set(File.objects.filter(pk__in=locked).exclude(referred()).values_list("pk", flat=True))


def referred() -> Q:
    """Return the condition that some table refers to a file: the keys that there are say which those are."""
    found = Q()
    for relation in File._meta.get_fields(include_hidden=True):  # those that have no name at this end, too
        if isinstance(relation, ForeignObjectRel):
            rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            found |= Q(Exists(rows))
    return found


def expire(files: "QuerySet[File]") -> None:
    """Have files swept at once that nothing refers to, inside the caller's transaction, which has locked their chats.

    None of them can be used any more from now on.
    """
    if ids := unused(list(files.order_by("pk").select_for_update().values_list("pk", flat=True))):
        File.objects.filter(pk__in=ids).update(state=File.State.DELETING, expires_at=timezone.now())
        sweep_soon.enqueue()


def unused_until() -> datetime:
    """Return how long a file is kept that nothing refers to yet."""
    return timezone.now() + timedelta(hours=settings.FILE_KEEP_HOURS)
