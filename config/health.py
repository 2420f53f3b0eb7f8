"""`/healthz` and `/readyz`: the truth, and no secrets."""

from django.db import connection
from django.http import HttpRequest, HttpResponse

from chats.turns.engine import engine
from common.executor import database
from common.views import AsyncView, json_response


class LiveView(AsyncView):
    schema = None
    public = any_host = True
    cors = False

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 200 as long as the process can answer at all."""
        return json_response({"status": "ok"})


class ReadyView(AsyncView):
    schema = None
    public = any_host = True
    cors = False

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 200 while new work is taken: the database answers and the server is not draining."""
        if engine().draining:
            return json_response({"status": "draining"}, status=503)
        try:
            await database().read(_ping)
        except Exception:
            return json_response({"status": "database away"}, status=503)
        return json_response({"status": "ok"})


def _ping() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
