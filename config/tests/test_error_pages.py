"""Error pages for people."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from config.errors import broken, missing


@pytest.mark.django_db(transaction=True)
def test_an_error_page_leaves_no_connection_to_a_thread_of_its_own() -> None:
    def show() -> tuple[int, bool]:
        request = RequestFactory().get("/nowhere", headers={"Accept": "text/html"})
        request.user = SimpleLazyObject(lambda: User.objects.first() or AnonymousUser())  # type: ignore[assignment]
        return missing(request).status_code, connection.connection is None

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(show).result() == (404, True)


@pytest.mark.parametrize("accepted", ["application/json", "text/html"])
@pytest.mark.django_db
def test_what_nobody_foresaw_is_logged_once(accepted: str, caplog: pytest.LogCaptureFixture) -> None:
    request = RequestFactory().get("/api/chats/", headers={"Accept": accepted})
    request.user = AnonymousUser()
    try:
        raise ZeroDivisionError("nobody foresaw this")
    except ZeroDivisionError:
        response = broken(request)

    [record] = caplog.records
    assert response.status_code == 500
    assert record.exc_info
    assert "nobody foresaw this" in str(record.exc_info[1])
    assert getattr(response, "_has_been_logged", False)
