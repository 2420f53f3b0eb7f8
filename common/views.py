"""Async views for the streaming doors: the habits of DRF's APIView without its threads.

The class is an APIView for the schema's sake (drf-spectacular reads its methods and `extend_schema`); requests never
enter DRF's dispatch.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import cache
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from common.errors import Invalid, MethodNotAllowed, UnsupportedType
from common.json import dumps, loads
from common.problems import problem_response

JSON_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class AsyncView(APIView):
    """Subclasses define `async def get/post/...(self, request, **kwargs) -> HttpResponseBase`."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:  # type: ignore[override]
        """Return one coroutine function for all methods; every exception ends as a problem document."""
        handlers = {name: getattr(cls, name) for name in cls.http_method_names if hasattr(cls, name)}
        handlers["options"] = cls.options
        allowed = ", ".join(name.upper() for name in handlers)
        view = cls(**initkwargs)

        async def dispatch(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            handler = handlers.get((request.method or "").lower())
            try:
                if handler is None:
                    raise MethodNotAllowed()
                return await handler(view, request, **kwargs)  # type: ignore[no-any-return]
            except Exception as error:
                response = view.refuse(request, error)
                if handler is None:
                    response["Allow"] = allowed
                return response

        dispatch.csrf_exempt = True  # type: ignore[attr-defined]
        dispatch.cls, dispatch.initkwargs, dispatch.view_class = cls, initkwargs, cls  # type: ignore[attr-defined]
        markcoroutinefunction(dispatch)
        return dispatch

    async def options(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Answer a plain OPTIONS; pre-flights are answered by the CORS middleware before they get here."""
        names = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        return HttpResponse(status=204, headers={"Allow": ", ".join(names)})

    def refuse(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Answer an exception; doors with an error shape of their own override this."""
        return problem_response(request, error)


class EventStream(StreamingHttpResponse):
    """Server-sent events as bytes, without the two generators that Django wraps around each of them.

    `closers` are called when the response is done with, however it ends.
    """

    def __init__(self, body: AsyncIterator[bytes], headers: dict[str, str], *closers: Callable[[], None]) -> None:
        super().__init__(body, content_type="text/event-stream", headers=headers)
        self._body = body
        self._resource_closers.extend(closers)  # type: ignore[attr-defined]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer JSON that no cache keeps."""
    return HttpResponse(
        dumps(data), status=status, content_type="application/json", headers={**JSON_HEADERS, **(headers or {})}
    )


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object in the body; an empty body is an empty object.

    Raises UnsupportedType, NotJson, or Invalid where the JSON is not an object.
    """
    body = request.body
    if not body:
        return {}
    if request.content_type not in settings.JSON_TYPES:
        raise UnsupportedType()
    data = loads(body)
    if not isinstance(data, dict):
        raise Invalid("Send a JSON object.")
    return data


def checked(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the valid values of an input, or raise its field errors."""
    empty = isinstance(data, Mapping) and not data
    return dict(_defaults(serializer) if empty else _serializer(serializer).run_validation(data))


@cache
def _serializer(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """Make a serializer once: its fields keep nothing of what they check, and copying them for each request is dear."""
    return serializer()


@cache
def _defaults(serializer: type[Serializer[Any]]) -> dict[str, Any]:
    return _serializer(serializer).run_validation({})  # type: ignore[no-any-return]
