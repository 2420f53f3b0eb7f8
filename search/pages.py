"""What is found while somebody types into the box beside the chats: chats by their titles, then messages and notes."""

from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.access import Viewer
from chats.pages.base import page, refusal_words
from chats.pages.sidebar import sidebar
from common.errors import Invalid
from common.text_sources import text_sources
from common.views import checked
from search.queries import parse_query
from search.serializers import FoundQuery
from search.services import MESSAGE, TITLE, ResultsPage, SearchResult, search

SHOWN = 20


class FoundText(NamedTuple):
    """A result as it is listed."""

    address: str
    kind: str
    title: str
    snippet: SafeString


@require_safe
@page
def search_page(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List what is found; without anything to look for, the newest chats."""
    query = checked(FoundQuery, request.GET)
    current, text = query["current"], query["search"].strip()
    context = {**sidebar(viewer, current, text), "chat_id": current, "everywhere": True, **_found(viewer, query, text)}
    whole = "HX-Request" not in request.headers
    return render(request, "chat/list_page.html" if whole else "chat/list.html", context)


def _found(viewer: Viewer, query: dict[str, Any], text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        asked = parse_query(text, ZoneInfo(viewer.timezone), typing=True)
    except Invalid as refusal:
        return {"refusal": refusal_words(refusal)}
    results = search(viewer.id, replace(asked, end=min(asked.end, query["end"])), SHOWN)
    return {
        "found": [_shown(result) for result in results.results if result.kind != TITLE],
        "more_found": _older(results, query["current"], text),
    }


def _older(results: ResultsPage, current: UUID | None, text: str) -> str:
    if results.next is None:
        return ""
    return f"{reverse('search-page')}?{urlencode({'search': text, 'end': results.next, 'current': current or ''})}"


def _shown(result: SearchResult) -> FoundText:
    if result.kind == MESSAGE:
        address = f"{reverse('chat-page', args=[result.chat])}?message={result.id}#m-{result.id}"
    else:
        address = reverse(text_sources()[result.kind].page, args=[result.id])
    snippet = format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", text) if marked else text,) for text, marked in result.snippet)
    )
    return FoundText(address, result.kind, result.title, snippet)
