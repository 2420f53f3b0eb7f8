from django.apps import AppConfig
from django.conf import settings
from django.db import connection

from common.periodic import register_periodic

INDEX_SECONDS = 1


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = "Search"

    def ready(self) -> None:
        from search import receivers  # noqa: F401
        from search.erasing import erase_deleted_terms, seconds_to_next
        from search.indexing import index_changes

        if settings.SEARCH:
            register_periodic("indexing of changes", lambda: INDEX_SECONDS, index_changes)
        if connection.vendor == "sqlite":
            register_periodic("erasing of deleted words", seconds_to_next, erase_deleted_terms)
