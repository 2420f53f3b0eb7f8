"""Addresses of the search."""

from common.urls import with_and_without_slash
from search.pages import search_page
from search.views import SearchView

api_patterns = with_and_without_slash("search", SearchView.as_view(), "search")
page_patterns = with_and_without_slash("search", search_page, "search-page")
