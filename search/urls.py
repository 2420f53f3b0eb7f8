"""Addresses of the search."""

from common.urls import with_and_without_slash
from search.views import SearchView

api_patterns = with_and_without_slash("search", SearchView.as_view(), "search")
