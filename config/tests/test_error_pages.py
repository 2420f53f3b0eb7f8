"""Error pages for people."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from config.errors import missing


@pytest.mark.django_db(transaction=True)
def test_an_error_page_leaves_no_connection_to_a_thread_of_its_own() -> None:
    def show() -> tuple[int, bool]:
        request = RequestFactory().get("/nowhere", headers={"Accept": "text/html"})
        request.user = SimpleLazyObject(lambda: User.objects.first() or AnonymousUser())  # type: ignore[assignment]
        return missing(request).status_code, connection.connection is None

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(show).result() == (404, True)
