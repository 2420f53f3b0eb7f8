"""What the admin pages of several apps share, and background work: to see, and to have tried again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from common.models import Task
from common.task_queue import repeat


class ReadOnly:
    """Mixin: rows are made by the product alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("task_path", "status", "attempts", "error", "enqueued_at", "run_after", "finished_at")
    list_filter = ("status", "queue_name", "task_path")
    exclude = ("args_kwargs",)  # they may name addresses
    ordering = ("-enqueued_at",)
    show_full_result_count = False
    actions = ("try_again",)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("common.change_task")

    @admin.action(description="Try failed tasks again", permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        """Have what failed tried anew, from the first attempt on."""
        self.message_user(request, f"{repeat(queryset)} tasks are tried again.", messages.SUCCESS)
