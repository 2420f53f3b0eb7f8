"""Refusals in one shape, whoever raised them."""

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from common.json import loads
from common.problems import as_refusal, flatten, problem_response, refusal_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Http404(), 404),
        (PermissionDenied(), 403),
        (SuspiciousOperation(), 400),
        (RequestDataTooBig(), 413),
        (OperationalError("database is locked"), 503),
        (drf.ParseError(), 400),
        (drf.NotAuthenticated(), 401),
        (drf.MethodNotAllowed("PUT"), 405),
        (drf.UnsupportedMediaType("x"), 415),
        (drf.Throttled(wait=7), 429),
        (drf.ValidationError("x"), 400),
    ],
)
def test_foreign_errors_get_our_names(error: Exception, status: int) -> None:
    refusal = as_refusal(error)

    assert refusal is not None
    assert refusal.status == status


def answer(error: Exception) -> HttpResponse:
    request = HttpRequest()
    return problem_response(request, refusal_of(request, error))


def test_what_nobody_foresaw_is_a_500_that_tells_nothing() -> None:
    response = answer(ValueError("secret detail"))

    assert response.status_code == 500
    assert b"secret" not in response.content
    assert loads(response.content)["code"] == "server_error"


def test_a_busy_database_says_when_to_try_again() -> None:
    response = answer(OperationalError("password=hunter2"))

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert b"hunter2" not in response.content


@pytest.mark.parametrize(
    ("detail", "flat"),
    [
        ("x", {"details": ["x"]}),
        (["x", "y"], {"details": ["x", "y"]}),
        ({"a": ["x"], "non_field_errors": ["y"]}, {"a": ["x"], "details": ["y"]}),
        ({"a": {"b": ["x"]}}, {"b": ["x"]}),
        ([{"a": ["x"]}, {"a": ["y"]}], {"a": ["x", "y"]}),
    ],
)
def test_nested_errors_become_a_map_of_names_to_texts(detail: object, flat: dict[str, list[str]]) -> None:
    assert flatten(detail) == flat
