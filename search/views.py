"""`/api/search/`: an ordinary resource on the ordinary Django stack."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.access import viewer_of
from chats.wire.schema import PROBLEMS, paginated
from common.views import checked
from search.queries import parse_query
from search.serializers import SearchQuery, SearchResultOutput
from search.services import MESSAGE, SearchResult, search


class SearchView(APIView):
    @extend_schema(
        operation_id="search", parameters=[SearchQuery], responses={200: paginated(SearchResultOutput), **PROBLEMS}
    )
    def get(self, request: Request) -> Response:
        """Search in all messages and titles of the user's chats and in their notes, newest first, but for the trash."""
        data = checked(SearchQuery, request.query_params)
        viewer = viewer_of(request)
        query = parse_query(data["q"], ZoneInfo(viewer.timezone))
        if "cursor" in data:
            query = replace(query, end=min(query.end, data["cursor"]))
        page = search(viewer.id, query, data["page_size"])
        here = request.build_absolute_uri()
        return Response(
            {
                "next": None if page.next is None else replace_query_param(here, "cursor", str(page.next)),
                "previous": None,
                "results": [result_payload(result) for result in page.results],
            }
        )


def result_payload(result: SearchResult) -> dict[str, Any]:
    return {
        "kind": result.kind,
        "id": result.id,
        "chat": result.chat,
        "message": result.id if result.kind == MESSAGE else None,
        "title": result.title,
        "role": result.role,
        "created_at": result.created_at,
        "snippet": [part._asdict() for part in result.snippet],
    }
