"""Refusals as `application/problem+json` (RFC 9457), for DRF views, async views and Django's own errors alike."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.views import set_rollback

from common import errors
from common.json import dumps
from common.sql import is_orphan, is_unstorable

logger = logging.getLogger("parley.http")
CONTENT_TYPE = "application/problem+json"
BUSY_RETRY_AFTER = 5

DRF_ERRORS: dict[type[drf.APIException], type[errors.ParleyError]] = {
    drf.ParseError: errors.NotJson,
    drf.NotAuthenticated: errors.NotSignedIn,
    drf.AuthenticationFailed: errors.NotSignedIn,
    drf.PermissionDenied: errors.NotAllowed,
    drf.NotFound: errors.NotFound,
    drf.MethodNotAllowed: errors.MethodNotAllowed,
    drf.UnsupportedMediaType: errors.UnsupportedType,
    drf.Throttled: errors.TooManyRequests,
}


class NotAcceptable(errors.ParleyError):
    status, code, title = 406, "not_acceptable", "No representation of that type is available."


class ServerError(errors.ParleyError):
    status, code, title = 500, "server_error", "Something went wrong on our side; the correlation id helps us find it."


def as_refusal(error: BaseException) -> errors.ParleyError | None:
    """Give a foreign exception our name, or None for what nobody foresaw."""
    if isinstance(error, errors.ParleyError):
        return error
    if isinstance(error, drf.APIException):
        return _from_drf(error)
    if isinstance(error, Http404):
        return errors.NotFound()
    if isinstance(error, PermissionDenied):
        return errors.NotAllowed()
    if isinstance(error, RequestDataTooBig):
        return errors.BodyTooLarge()
    if isinstance(error, SuspiciousOperation | TooManyFieldsSent | TooManyFilesSent):
        return errors.Invalid()
    if is_unstorable(error):
        logger.warning("refused, since the database does not take a value: %s", type(error).__name__)
        return errors.Invalid()
    if is_orphan(error):
        logger.warning("refused, since what it belongs to is gone: %s", type(error.__cause__).__name__)
        return errors.NotFound("What this belongs to has just been deleted.")
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("database unavailable: %s", error)
        return errors.Unavailable(retry_after=BUSY_RETRY_AFTER)
    return None


def _from_drf(error: drf.APIException) -> errors.ParleyError:
    if isinstance(error, drf.ValidationError):
        return _invalid(flatten(error.detail))
    if isinstance(error, drf.NotAcceptable):
        return NotAcceptable()
    kind = DRF_ERRORS.get(type(error), errors.ParleyError)
    wait = getattr(error, "wait", None)
    return kind(str(error.detail) if kind is errors.ParleyError else "", retry_after=wait)


def _invalid(fields: dict[str, list[str]]) -> errors.Invalid:
    """Say the first thing that is wrong in `detail` too, for clients that show nothing else."""
    words = [texts[0] if name == "details" else f"`{name}`: {texts[0]}" for name, texts in fields.items() if texts]
    return errors.Invalid("".join(words[:1]), errors=fields)


def flatten(detail: Any, field: str = "details") -> dict[str, list[str]]:
    """Turn DRF's nested error detail into a map of field name to list of strings, each once.

    What is wrong at a place in a list is said of the list, which is what a client knows.
    """
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            label = field if name == "non_field_errors" or isinstance(name, int) else str(name)
            for key, texts in flatten(inner, label).items():
                said = found.setdefault(key, [])
                said += [text for text in texts if text not in said]
        return found
    if isinstance(detail, list):
        nested = [flatten(item, field) for item in detail]
        return {key: [text for part in nested for text in part.get(key, [])] for key in {k for p in nested for k in p}}
    return {field: [str(detail)]}


def body_of(refusal: errors.ParleyError, correlation_id: str) -> dict[str, Any]:
    """Return the members of the problem document."""
    return {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "correlation_id": correlation_id,
        "errors": refusal.errors,
        **refusal.extra,
    }


def headers_of(refusal: errors.ParleyError) -> dict[str, str]:
    """Return the headers that belong to a refusal."""
    headers = {"Cache-Control": "no-store"}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return headers


def refusal_of(request: HttpRequest, error: BaseException) -> errors.ParleyError:
    """Return any exception as a refusal: what nobody foresaw is logged, and told as a 500."""
    refusal = as_refusal(error)
    if refusal is None:
        logger.error("unhandled error on %s %s", request.method, request.path, exc_info=error)
        refusal = ServerError()
    return refusal


def problem_response(request: HttpRequest, refusal: errors.ParleyError) -> HttpResponse:
    """Answer a refusal with its problem document."""
    body = dumps(body_of(refusal, getattr(request, "correlation_id", "")))
    response = HttpResponse(body, status=refusal.status, content_type=CONTENT_TYPE, headers=headers_of(refusal))
    return suppress_request_log(response)


def suppress_request_log(response: HttpResponse) -> HttpResponse:
    """Keep Django from logging a refusal: it is an answer, and what is broken has been logged."""
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def drf_exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's `EXCEPTION_HANDLER`: the same answer as everywhere, the transaction rolled back."""
    set_rollback()
    request, view = context["request"]._request, context.get("view")
    response: HttpResponse = getattr(view, "refusal_response", problem_response)(request, refusal_of(request, error))
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and view is not None:
        response["Allow"] = ", ".join(view.allowed_methods)
    return response
