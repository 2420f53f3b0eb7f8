"""`/api/changes/`: what has changed for the user, as a page, waited for, or as a stream."""

from contextlib import closing

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema

from accounts.access import Claims
from accounts.views import BearerView
from chats.services.change_log import ChangesPage, Position
from chats.wire.schema import LAST_EVENT_ID, PROBLEMS
from common.errors import Invalid
from common.executor import database
from common.schema import ProblemOutput
from common.views import checked, json_response
from feed.encoder import page_payload
from feed.reader import ChangeReader, read_own_changes
from feed.serializers import NO_CURSOR, ChangesOutput, ChangesQuery, read_cursor
from feed.stream import open_stream

CHANGE_STREAM = OpenApiResponse(
    OpenApiTypes.STR, description="Server-sent events `start` and `change`; `id` is the cursor (docs/api.md)."
)
EXPIRED = OpenApiResponse(ProblemOutput, description="what followed the cursor is not kept any more")


class ChangesView(BearerView):
    @extend_schema(
        operation_id="changes_list",
        parameters=[ChangesQuery, LAST_EVENT_ID],
        responses={
            (200, "application/json"): ChangesOutput,
            (200, "text/event-stream"): CHANGE_STREAM,
            (410, "application/problem+json"): EXPIRED,
            **PROBLEMS,
        },
    )
    async def get(self, request: HttpRequest, claims: Claims) -> HttpResponseBase:
        """Return what has changed since a cursor; `wait` waits for it, `Accept: text/event-stream` follows it."""
        query = checked(ChangesQuery, request.GET)
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await open_stream(claims, _last_seen(request) or query["after"], query["page_size"])
        page = await _page(claims, query["after"], query["page_size"], query["wait"])
        return json_response(page_payload(page))


def _last_seen(request: HttpRequest) -> Position | None:
    last = request.headers.get("Last-Event-ID", "").strip()
    if last and read_cursor(last) is None:
        raise Invalid(errors={"Last-Event-ID": [NO_CURSOR]})
    return read_cursor(last)


async def _page(claims: Claims, after: Position | None, size: int, wait: int) -> ChangesPage:
    if after is None or not wait:
        return await database().read(read_own_changes, claims, after, size)
    with closing(ChangeReader(claims, after, size)) as reader:
        found = await reader.next_page(wait)
        return found or ChangesPage([], reader.after or after)
