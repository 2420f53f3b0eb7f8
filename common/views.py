"""Async views for the streaming doors: the habits of DRF's APIView without its threads.

The class is an APIView for the schema's sake (drf-spectacular reads its methods and `extend_schema`); requests never
enter DRF's dispatch.
"""

from collections.abc import AsyncIterator, Callable, Container, Coroutine, Mapping
from functools import cache
from itertools import islice
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from common.errors import Invalid, MethodNotAllowed, NotSignedIn, UnsupportedType
from common.json import dumps, loads, loads_apart
from common.off_loop import SMALL, off_loop
from common.problems import problem_response, refusal_of

UNKNOWN = "There is no such member here."
NAMED, NAME_CHARS = 20, 100  # of what is unknown, an answer names so many, and so much of each
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
        if "get" in handlers:
            handlers.setdefault("head", handlers["get"])
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
                response = await handler(view, request, *caller, **kwargs)
                return _head_of(response) if request.method == "HEAD" else response
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


def _head_of(response: HttpResponseBase) -> HttpResponseBase:
    """Answer HEAD: a stream ends before it has begun; the body of anything else the server leaves out."""
    if not response.streaming:
        return response
    response.close()
    return HttpResponse(headers=dict(response.headers))


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


def json_body(request: HttpRequest) -> bytes:
    """Return a body that says it is JSON; raise UnsupportedType."""
    if request.content_type not in settings.JSON_TYPES:
        raise UnsupportedType()
    return request.body


async def checked_body(
    serializer: type[Serializer[Any]], request: HttpRequest, *, foreign: bool = False, apart: str = ""
) -> dict[str, Any]:
    """Return the valid values of the JSON object in the body; an empty body is an empty object.

    Unknown members are refused unless a foreign client decides what it sends. Where the body is large, the member
    `apart` reaches its field as `common.json.Pieces`. Raises UnsupportedType, NotJson, Invalid where the JSON is not an
    object, or field errors.
    """
    body = request.body and json_body(request)
    return await off_loop(len(body), _checked_object, serializer, body, foreign, apart)


def _checked_object(serializer: type[Serializer[Any]], body: bytes, foreign: bool, apart: str) -> dict[str, Any]:
    return (checked if foreign else checked_input)(serializer, read_object(body, apart))


def read_object(body: bytes, apart: str = "") -> dict[str, Any]:
    """Return a JSON object; raise NotJson, or Invalid where the JSON is not an object."""
    if not body:
        return {}
    data = loads_apart(body, apart) if apart and len(body) > SMALL else loads(body)
    if not isinstance(data, dict):
        raise Invalid("Send a JSON object.")
    return data


def checked(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the valid values of an input, or raise its field errors."""
    empty = isinstance(data, Mapping) and not data
    return dict(_defaults(serializer) if empty else _serializer(serializer).run_validation(data))


def without_null(data: Any) -> Any:
    """Return an object without its members that are null: for foreign clients, they are as good as absent."""
    return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


def checked_input(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the valid values of a body of our own; what the serializer has no field for is refused by name.

    A misspelt member would change nothing and say nothing. Where a foreign client decides what it sends, use `checked`.
    """
    if isinstance(data, Mapping):
        require_known(data, _serializer(serializer).fields)
    return checked(serializer, data)


def require_known(data: Mapping[str, Any], known: Container[str]) -> None:
    """Raise Invalid, by name, for members that are none of those known."""
    if unknown := list(islice((name for name in data if name not in known), NAMED)):
        raise Invalid(errors={name[:NAME_CHARS].encode(errors="replace").decode(): [UNKNOWN] for name in unknown})


@cache
def _serializer(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """Make a serializer once: its fields keep nothing of what they check, and copying them for each request is dear."""
    return serializer()


@cache
def _defaults(serializer: type[Serializer[Any]]) -> dict[str, Any]:
    return _serializer(serializer).run_validation({})  # type: ignore[no-any-return]
