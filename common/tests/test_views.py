"""Async views: closed unless they say otherwise."""

import asyncio
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from common.views import AsyncView

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Silent(AsyncView):
    """Says nothing of who is let in."""

    async def answer(self, request: HttpRequest, caller: Any = None) -> HttpResponse:
        return HttpResponse("in")

    get = post = put = patch = delete = answer


class Public(Silent):
    public = True


class Named(Silent):
    async def authenticate(self, request: HttpRequest) -> str:
        return "Ada"

    async def get(self, request: HttpRequest, caller: Any) -> HttpResponse:
        return HttpResponse(caller)


def call(view: type[AsyncView], method: str) -> HttpResponseBase:
    request = RequestFactory().generic(method, "/", headers={"Authorization": "Bearer x"})
    return asyncio.run(view.as_view()(request))


@pytest.mark.parametrize("method", METHODS)
def test_a_view_that_says_nothing_lets_nobody_in(method: str) -> None:
    assert call(Silent, method).status_code == 401


def test_a_public_view_asks_nobody() -> None:
    assert [call(Public, method).status_code for method in METHODS] == [200] * 5


def test_a_method_is_told_who_asks() -> None:
    assert call(Named, "GET").content == b"Ada"  # type: ignore[attr-defined]


def test_a_method_that_is_not_there_is_refused_before_anybody_is_asked() -> None:
    answer = call(AsyncView, "POST")

    assert (answer.status_code, answer["Allow"]) == (405, "OPTIONS")


def test_options_are_told_to_everybody() -> None:
    answer = call(Silent, "OPTIONS")

    assert (answer.status_code, answer["Allow"]) == (204, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
