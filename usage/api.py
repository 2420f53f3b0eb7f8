"""`/api/usage/` and `/api/limits/`: what the user has used, and what is left."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import viewer_of
from accounts.api.base import BAD_INPUT, NOT_SIGNED_IN
from accounts.api.docs import problems
from common.views import checked
from usage.limits import Asking
from usage.models import Attempt, Limit
from usage.queries import UsageQuery
from usage.reports import limits_of, period_of, today_of, usage_report


class UsedOutput(serializers.Serializer[Any]):
    """What one call of a provider used, or several together."""

    tokens_in = serializers.IntegerField(help_text="those cached included")
    tokens_out = serializers.IntegerField(help_text="those of reasoning included")
    tokens_cached = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    cost = serializers.IntegerField(help_text="millionths of the currency")


class AmountsOutput(UsedOutput):
    attempts = serializers.IntegerField(help_text="calls of providers, those that failed included")


class UsageRowOutput(AmountsOutput):
    day = serializers.DateField(required=False)
    model = serializers.CharField(required=False, help_text="`provider/model`")
    chat = serializers.UUIDField(required=False, allow_null=True, help_text="null: outside of chats")


class UsageOutput(serializers.Serializer[Any]):
    to = serializers.DateField()
    currency = serializers.CharField()
    total = AmountsOutput()
    results = UsageRowOutput(many=True)
    is_complete = serializers.BooleanField(help_text="false: there are more rows, of lower cost; the total has them")

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(), **super().get_fields()}


class LimitOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    of = serializers.ChoiceField(["user", "key", "group", "everyone"], help_text="whose use is counted")
    is_shared = serializers.BooleanField()
    model = serializers.CharField(help_text="empty: all models together")
    unit = serializers.ChoiceField(Limit.Unit.choices)
    period = serializers.ChoiceField([*Limit.Period.choices, ("", "at the same time")])
    amount = serializers.IntegerField()
    used = serializers.IntegerField()
    held = serializers.IntegerField(help_text="what running replies may still use of it")
    left = serializers.IntegerField()
    reset_at = serializers.DateTimeField(allow_null=True)


class UsageView(APIView):
    @extend_schema(
        operation_id="usage_read",
        parameters=[UsageQuery],
        responses={200: UsageOutput, **problems(**BAD_INPUT, **NOT_SIGNED_IN)},
        tags=["usage"],
    )
    def get(self, request: Request) -> Response:
        """Return tokens and cost of some of my days, in my time zone; what was spent in deleted chats is there too."""
        viewer, query = viewer_of(request), checked(UsageQuery, request.query_params)
        period = period_of(query["from"], query["to"], today_of(viewer.timezone, timezone.now()))
        return Response(usage_report(Attempt.objects.filter(user=viewer.id), query["by"], *period))


class LimitsView(APIView):
    @extend_schema(
        operation_id="limits_list",
        responses={200: LimitOutput(many=True), **problems(**NOT_SIGNED_IN)},
        tags=["usage"],
    )
    def get(self, request: Request) -> Response:
        """List what bounds my use: how much of each limit is used, held and left, and when it begins anew."""
        viewer = viewer_of(request)
        return Response(limits_of(Asking(viewer.id, None, viewer.timezone), timezone.now()))
