"""What every page of the admin is made of: staff do what their permissions say, to whom these reach, and no more."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from common.models import Task
from common.sql import is_unstorable
from common.task_queue import repeat

FILTERED_BY = ("exact", "isnull", "gte", "lt")  # what the links of Django's filters ask
Action = Callable[[Any, HttpRequest, QuerySet[Any]], Any]


class StaffAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Base of all; a test sees to it that every action names its permission."""

    class Media:
        css = {"all": ("admin.css",)}

    view_on_site = False  # no row has a page outside
    superuser_fields: tuple[str, ...] = ()  # what grants rights: others read it at most

    def within_reach(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows that this member of staff may change or delete, given the permission to."""
        return rows

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._reaches(request, obj)

    def _reaches(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or self.within_reach(request, self.model._default_manager.filter(pk=obj.pk)).exists()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = () if request.user.is_superuser else self.superuser_fields
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_actions(self, request: HttpRequest) -> Any:
        """Return the actions, each of which refuses where one of the chosen rows is out of reach."""
        offered: dict[str, Any] = super().get_actions(request) or {}
        return {name: (self._within_reach_only(action), name, label) for name, (action, _, label) in offered.items()}

    def _within_reach_only(self, action: Action) -> Action:
        @wraps(action)
        def guarded(model_admin: Any, request: HttpRequest, chosen: QuerySet[Any]) -> Any:
            if self.within_reach(request, chosen).count() != chosen.count():
                raise PermissionDenied
            return action(model_admin, request, chosen)

        return guarded

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let rows that cannot be deleted alone go with what they belong to."""
        listed, counts, needed, protected = super().get_deleted_objects(objs, request)
        registered = self.admin_site._registry.values()
        permanent = {page.opts.verbose_name for page in registered if isinstance(page, Permanent)}
        return listed, counts, needed - permanent, protected

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what the form has changed."""
        if change:
            save_columns(obj, {*form.changed_data, *self.set_with(request, form)})
        else:
            super().save_model(request, obj, form, change)

    def set_with(self, request: HttpRequest, form: Any) -> tuple[str, ...]:
        """Name the columns that saving sets beside those of the form."""
        return ()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Refuse actions that are not offered; Django would say nothing and do nothing."""
        if request.method == "POST":
            _require_keys(self.model, request.POST.getlist(ACTION_CHECKBOX_NAME))
            offered = self.get_actions(request)
            if not offered or set(request.POST.getlist("action")) - {"", *offered}:
                raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if request.method == "POST":  # there is nothing to post
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filters that are shown, as their links ask.

        Any other column would tell its value, hashes too, letter by letter; a regular expression can take for ever.
        """
        names = [getattr(each, "parameter_name", each) for each in self.list_filter]
        shown = any(lookup == name or lookup.startswith(f"{name}__") for name in names)
        asked = lookup in names or lookup.rpartition("__")[2] in FILTERED_BY
        return shown and asked and super().lookup_allowed(lookup, value, request)


def save_columns(obj: Any, names: Collection[str]) -> None:
    """Write these columns and the clocks: what changed elsewhere since the row was read, a password say, stays."""
    columns = obj._meta.concrete_fields
    obj.save(update_fields=[each.name for each in columns if each.name in names or getattr(each, "auto_now", False)])


def _require_keys(model: Any, chosen: list[str]) -> None:
    """Refuse rows named by what no key of theirs can be."""
    key = model._meta.pk
    while key.remote_field:
        key = key.target_field
    try:
        for value in chosen:
            key.clean(value, None)
    except ValidationError as error:
        raise BadRequest from error


class ReadOnly:
    """Mixin: rows are made by the product alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Permanent(ReadOnly):
    """Mixin: and they go with what they belong to."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(Permanent, StaffAdmin):
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


def with_checked_lookups(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Wrap a view of the admin: a look-up in its address with a value that cannot be looked up is a 400.

    The stock views ask the database with whatever stands there: year 0, a number of twenty digits, an address that is
    none. (An instant without a zone is an error where warnings are.)
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Exception as error:
            is_value = isinstance(
                error, ValueError | OverflowError | ValidationError | RuntimeWarning
            ) or is_unstorable(error)
            if is_value and request.method == "GET" and request.GET:
                raise BadRequest from error
            raise

    return checked
