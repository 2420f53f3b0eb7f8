"""Django's own error answers: problem documents for programs, a page for people."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.oauth.errors import json_answer
from common.errors import BodyTooLarge, Invalid, NotAllowed, NotFound, ParleyError
from common.problems import ServerError, problem_response
from compat.ai_sdk import views as ai_sdk
from compat.openai import views as openai
from notes.mcp.errors import rpc_refusal


def _answer(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    wants_page = "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api")
    if wants_page:
        page = render(request, "error.html", {"refusal": refusal}, status=refusal.status)
        # The page asks who is signed in, perhaps on a thread that is not the request's and that nobody cleans up.
        connection.close_if_unusable_or_obsolete()
        return page
    return refuse(request, refusal)


def refuse(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer in the shape that the clients of an address read."""
    if request.path.startswith("/v1/"):
        return openai.refusal_response(refusal)
    if ai_sdk.PATHS.match(request.path):
        return ai_sdk.refusal_response(refusal)
    if request.path.startswith("/oauth/"):
        return json_answer(request, refusal)
    if request.path.rstrip("/") == "/mcp":
        return rpc_refusal(request, refusal)
    return problem_response(request, refusal)


def bad(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, BodyTooLarge() if isinstance(exception, RequestDataTooBig) else Invalid())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, NotAllowed())


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, NotFound())


def broken(request: HttpRequest, **_: Any) -> HttpResponse:
    return _answer(request, ServerError())
