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

from common.errors import Invalid, MethodNotAllowed, NotSignedIn, UnsupportedType
from common.json import dumps, loads
from common.problems import problem_response, refusal_of

JSON_HEADERS = {"Cache-Control": "no-store"}


class AsyncView(APIView):
    """Subclasses define `async def get/post/...(self, request, caller, **kwargs) -> HttpResponseBase`.

    `caller` is what `authenticate` returns. A view that says nothing of it lets nobody in; one that is `public` asks
    nobody, and its methods take no caller. The other attributes are those of `common.view_options`.
    """

    public = False
    async_lane = True
    refusal_response = staticmethod(problem_response)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:  # type: ignore[override]
        """Return one coroutine function for all methods; every exception ends as a refusal."""
        handlers = {name: getattr(cls, name) for name in cls.http_method_names if hasattr(cls, name)}
        handlers.pop("options")
        allowed = ", ".join(name.upper() for name in (*handlers, "options"))
        view = cls(**initkwargs)

        async def dispatch(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method == "OPTIONS":  # pre-flights are answered by the CORS middleware before they get here
                return HttpResponse(status=204, headers={"Allow": allowed})
            handler = handlers.get((request.method or "").lower())
            try:
                if handler is None:
                    raise MethodNotAllowed()
                caller = () if cls.public else (await view.authenticate(request),)
                return await handler(view, request, *caller, **kwargs)  # type: ignore[no-any-return]
            except Exception as error:
                response = cls.refusal_response(request, refusal_of(request, error))
                if handler is None:
                    response["Allow"] = allowed
                return response

        dispatch.csrf_exempt, dispatch.authenticate = True, view.authenticate  # type: ignore[attr-defined]
        dispatch.cls, dispatch.initkwargs, dispatch.view_class = cls, initkwargs, cls  # type: ignore[attr-defined]
        markcoroutinefunction(dispatch)
        return dispatch

    async def authenticate(self, request: HttpRequest) -> Any:
        """Return who asks, or raise a refusal; `accounts.views.BearerView` takes the user's own front end."""
        raise NotSignedIn()


class EventStream(StreamingHttpResponse):
    """Server-sent events as bytes, without the two generators that Django wraps around each of them.

    `closers` are called when the response is closed, however it ended.
    """

    def __init__(self, body: AsyncIterator[bytes], headers: dict[str, str], *closers: Callable[[], None]) -> None:
        super().__init__(body, content_type="text/event-stream", headers=headers)
        self._body, self._closers = body, closers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body

    def close(self) -> None:
        """Call the closers, and nothing of Django's: on the async lane no request is ever signalled as finished."""
        for close in self._closers:
            close()


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
