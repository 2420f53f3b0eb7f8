"""Django's own error answers: problem documents for programs, a page for people."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.errors import BodyTooLarge, Invalid, NotAllowed, NotFound, ParleyError
from common.problems import ServerError, suppress_request_log
from common.view_options import options_for

logger = logging.getLogger("parley.http")


def refusal_answer(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal that no view gave: with a page to who asks for one, where no program is expected."""
    options = options_for(request)
    if options.cors or "text/html" not in request.headers.get("Accept", ""):
        return options.refusal_response(request, refusal)
    page = render(request, "error.html", {"refusal": refusal}, status=refusal.status)
    # The page asks who is signed in, perhaps on a thread that is not the request's and that nobody cleans up.
    connection.close_if_unusable_or_obsolete()
    return page


def bad(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal_answer(request, BodyTooLarge() if isinstance(exception, RequestDataTooBig) else Invalid())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal_answer(request, NotAllowed())


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal_answer(request, NotFound())


def broken(request: HttpRequest, **_: Any) -> HttpResponse:
    """Answer what nobody foresaw; without DEBUG this is where it is seen last, and a refusal is not logged again."""
    logger.error("unhandled error on %s %s", request.method, request.path, exc_info=True)
    return suppress_request_log(refusal_answer(request, ServerError()))
