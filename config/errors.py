"""Django's own error answers: problem documents for programs, a page for people."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chats.api import ai_sdk, openai
from common.errors import BodyTooLarge, Invalid, NotAllowed, NotFound, ParleyError
from common.problems import ServerError, problem_response


def _answer(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    wants_page = "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api")
    if wants_page:
        return render(request, "error.html", {"refusal": refusal}, status=refusal.status)
    return refuse(request, refusal)


def refuse(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer in the shape that the clients of an address read."""
    if request.path.startswith("/v1/"):
        return openai.refusal_response(refusal)
    if ai_sdk.PATHS.match(request.path):
        return ai_sdk.refusal_response(refusal)
    return problem_response(request, refusal)


def bad(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, BodyTooLarge() if isinstance(exception, RequestDataTooBig) else Invalid())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, NotAllowed())


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, NotFound())


def broken(request: HttpRequest, **_: Any) -> HttpResponse:
    return _answer(request, ServerError())
