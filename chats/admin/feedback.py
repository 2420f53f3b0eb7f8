"""What users think of replies, for staff: the list with its filters, and the same as a file, without their words."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Case, Q, QuerySet, TextField, When
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.urls.resolvers import URLPattern

from chats.models import Feedback
from common.admin import Permanent, StaffAdmin
from common.json import dumps
from llm.catalog import catalog

DOWNLOADED = 50_000  # rows, the newest; who wants others narrows the dates
FIELDS = {
    "message_id": "reply", "chat_id": "chat", "chat__owner": "user", "value": "value", "reasons": "reasons",
    "has_comment": "has_comment", "message__provider": "provider", "message__model": "model",
    "message__state": "state", "created_at": "created_at",
}  # fmt: skip


class ReasonFilter(admin.SimpleListFilter):
    title = parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Feedback.Reason.choices]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Feedback]") -> "QuerySet[Feedback]":
        """Keep the rows that name the reason: names are of a closed list, none of which holds another in quotes."""
        if self.value() not in Feedback.Reason.values:
            return queryset
        written = Cast("reasons", TextField())
        return queryset.annotate(written=written).filter(written__contains=f'"{self.value()}"')


class ModelFilter(admin.SimpleListFilter):
    title = parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what may be chosen now: to look what has ever answered would read every reply."""
        return [(model.name, model.name) for model in catalog().listing()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Feedback]") -> "QuerySet[Feedback]":
        if not self.value():
            return queryset
        provider, _, model = str(self.value()).partition("/")
        return queryset.filter(message__provider=provider, message__model=model)


@admin.register(Feedback)
class FeedbackAdmin(Permanent, StaffAdmin):
    """The comment is text of its user: it stands on the page of the one row, and in no list, search or filter."""

    list_display = ("message_id", "chat_id", "owner", "value", "given_reasons", "has_comment", "created_at")
    change_list_template = "admin/chats/feedback/change_list.html"
    list_filter = ("value", ReasonFilter, ModelFilter, "created_at")
    list_select_related = ("chat__owner",)
    search_fields = ("=message__id", "=chat__id", "chat__owner__email")
    ordering = ("-created_at",)
    show_full_result_count = False

    @admin.display(ordering="chat__owner")
    def owner(self, feedback: Feedback) -> str:
        return str(feedback.chat.owner)

    @admin.display(description="reasons")
    def given_reasons(self, feedback: Feedback) -> str:
        return ", ".join(feedback.reasons)

    @admin.display(boolean=True, description="comment")
    def has_comment(self, feedback: Feedback) -> bool:
        return bool(feedback.comment)

    def get_urls(self) -> list[URLPattern]:
        download = path("download/", self.admin_site.admin_view(self.download), name="chats_feedback_download")
        return [download, *super().get_urls()]

    def download(self, request: HttpRequest) -> HttpResponse:
        """Return the rows that the list shows, filtered as it is, a JSON object a line."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            shown: QuerySet[Feedback] = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise BadRequest from error
        lines = [dumps({FIELDS[name]: value for name, value in row.items()}) + b"\n" for row in _without_texts(shown)]
        headers = {"Content-Disposition": 'attachment; filename="feedback.jsonl"', "Cache-Control": "no-store"}
        return HttpResponse(b"".join(lines), content_type="application/jsonl", headers=headers)


def _without_texts(shown: "QuerySet[Feedback]") -> "QuerySet[Feedback, dict[str, Any]]":
    has_comment = Case(When(Q(comment=""), then=False), default=True)
    rows: QuerySet[Feedback, dict[str, Any]] = shown.annotate(has_comment=has_comment).values(*FIELDS)
    return rows[:DOWNLOADED]
