"""Background work as rows: what was accepted survives the process that accepted it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.ids import uuid7


class Task(models.Model):
    """One call of a function that is yet to be made, in the vocabulary of Django's `django.tasks`.

    All instants are the database's own, so processes whose clocks differ agree on what is due and who holds it.
    """

    class Status(models.TextChoices):
        READY = "READY", "Ready"
        RUNNING = "RUNNING", "Running"
        FAILED = "FAILED", "Failed"
        SUCCESSFUL = "SUCCESSFUL", "Successful"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task_path = models.CharField(max_length=200, help_text="the function, by its dotted path")
    queue_name = models.CharField(max_length=32)
    args_kwargs = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.READY)
    # Whoever it acts for, and what raising their credential epoch makes void. Bare numbers: accounts stand above.
    user_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    credential_epoch = models.PositiveIntegerField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_after = models.DateTimeField(db_default=Now())
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True, help_text="of the request that asked for it")
    error = models.CharField(max_length=200, blank=True, help_text="class of the last error; its text may quote people")
    enqueued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run_after"], condition=Q(status="READY"), name="task_due"),
            models.Index(fields=["lease_until"], condition=Q(status="RUNNING"), name="task_lease"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="task_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.task_path.rpartition('.')[2]} ({self.status.lower()})"
