"""What is kept for a time only: how long, what would go, and how it goes, a bounded number of rows at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session as BrowserSession
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import Grant as Code

from accounts.models import MailToken, Session, SocketTicket
from accounts.oauth.grants import forget_old_grants, old_grants
from chats.models import Change, Turn
from chats.services.change_retention import forget_changes
from chats.turns.writes import forget_keys
from common.task_queue import finished_tasks, forget_finished
from files.models import File
from files.sweep import referred, sweep
from usage.models import Attempt, Counter

AT_ONCE = 500
USAGE_LEAST_DAYS = 62  # limits by the month add up its days


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind that have had their time; `forget` is the sweep that the server itself runs, if any."""

    name: str
    rows: Callable[[], "QuerySet[Any]"]
    forget: Callable[[], int] | None = None

    def prune(self) -> Iterator[int]:
        """Delete them, a transaction for each batch; yield how many went with it."""
        while count := self.forget() if self.forget else self._delete_some():
            yield count

    @transaction.atomic
    def _delete_some(self) -> int:
        """Ask again when deleting: a row may have been renewed since it was listed."""
        rows = self.rows()
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        rows.filter(pk__in=ids).delete()
        return len(ids)


def kinds(usage_before: date | None = None) -> list[Kind]:
    """Return everything that has its time; of usage only what lies before a day, where there is one."""
    now = timezone.now()
    long_ago = now - timedelta(days=settings.SESSIONS_KEEP_DAYS)
    changes_until = now - timedelta(days=settings.CHANGES_KEEP_DAYS)
    keys_until = now - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    found = [
        Kind("socket tickets", lambda: SocketTicket.objects.filter(expires_at__lt=now)),
        Kind("mailed links", lambda: MailToken.objects.filter(expires_at__lt=now)),
        Kind(
            "sessions and API keys",
            lambda: Session.objects.filter(Q(expires_at__lt=long_ago) | Q(ended_at__lt=long_ago)),
        ),
        Kind("browser sessions", lambda: BrowserSession.objects.filter(expire_date__lt=now)),
        Kind("OAuth codes", lambda: Code.objects.filter(expires__lt=now)),
        Kind("OAuth grants with their tokens", old_grants, lambda: forget_old_grants(old_grants())),
        Kind(
            "idempotency keys", lambda: Turn.objects.filter(key__isnull=False, started_at__lt=keys_until), forget_keys
        ),
        Kind("changes", lambda: Change.objects.filter(at__lt=changes_until), forget_changes),
        Kind("tasks", finished_tasks, forget_finished),
        Kind("files", lambda: File.objects.filter(expires_at__lte=now).exclude(referred()), sweep),
    ]
    if usage_before:
        found += [
            Kind("attempts", lambda: Attempt.objects.filter(day__lt=usage_before)),
            Kind("counters", lambda: Counter.objects.filter(day__lt=usage_before)),
        ]
    return found


def usage_until() -> date | None:
    """Return the day before which usage is forgotten by `USAGE_KEEP_DAYS`; None: never."""
    return timezone.now().date() - timedelta(days=settings.USAGE_KEEP_DAYS) if settings.USAGE_KEEP_DAYS else None
