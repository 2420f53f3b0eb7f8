"""`/metrics` on the main port, for who knows the token; without `METRICS_TOKEN` it is not routed."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.errors import NotSignedIn
from common.threads import run_in_thread
from common.views import AsyncView
from ops.metrics.scrape import CONTENT_TYPE, render


class MetricsView(AsyncView):
    schema = None
    any_host = True
    cors = False

    async def get(self, request: HttpRequest, caller: None) -> HttpResponse:
        """Answer the metrics of all processes of this `serve`."""
        return HttpResponse(await run_in_thread(render), content_type=CONTENT_TYPE)

    async def authenticate(self, request: HttpRequest) -> None:
        """Let in who sends the token."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(token.encode(errors="replace"), settings.METRICS_TOKEN.encode())
        if kind.lower() != "bearer" or not settings.METRICS_TOKEN or not is_right:
            raise NotSignedIn()
