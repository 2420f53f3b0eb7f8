"""The page of what one has used, and of what is left."""

from itertools import chain
from operator import itemgetter
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.pages.viewer import page_viewer
from common.errors import ParleyError
from usage.limits import Asking
from usage.models import Attempt
from usage.period import period_usage
from usage.queries import PeriodQuery, page_query
from usage.refusals import PERIODS, amount_in_words, local
from usage.reports import PAGE_GROUPS, limits_of, period_of, today_of


@require_safe
def usage_page(request: HttpRequest) -> HttpResponse:
    """Show what was used on some days, by day and by model, and how much of each limit is left."""
    viewer = page_viewer(request)
    if viewer is None:
        return redirect_to_login(request.get_full_path(), reverse("page-sign-in"))
    now, problem = timezone.now(), ""
    today = today_of(viewer.timezone, now)
    try:
        _, period = page_query(request, PeriodQuery, today)
    except ParleyError as refusal:
        period, problem = period_of(None, None, today), " ".join(chain(*refusal.errors.values()))
    usage = period_usage(Attempt.objects.filter(user=viewer.id), *period)
    days, limits = usage.table(PAGE_GROUPS["day"]), limits_of(Asking(viewer.id, None, viewer.timezone), now)
    context = {
        "usage": usage,
        "plot": usage.plot(days),
        "tables": [
            ("Model", usage.table(PAGE_GROUPS["model"])),
            ("Day", sorted(days, key=itemgetter("key"), reverse=True)),
        ],
        "limits": [_in_words(limit, viewer.timezone) for limit in limits],
        "problem": problem,
    }
    return render(request, "usage/usage.html", context, status=400 if problem else 200)


def _in_words(limit: dict[str, Any], zone: str) -> dict[str, Any]:
    unit = limit["unit"]
    return {
        **limit,
        "allowed": f"{amount_in_words(unit, limit['amount'])} {PERIODS[limit['period']]}".rstrip(),
        "rest": amount_in_words(unit, limit["left"]),
        "reset": local(limit["reset_at"], zone) if limit["reset_at"] else "",
        "taken": limit["amount"] - limit["left"],
    }
