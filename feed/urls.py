"""Addresses of the feed."""

from common.urls import with_and_without_slash
from feed.views import ChangesView

feed_patterns = with_and_without_slash("changes", ChangesView.as_view(), "changes")
