"""What views say about the requests that they take, for those who meet a request before its view does.

Each option is an attribute of the view or of its class; the handler, the middleware and the error answers read it here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from rest_framework.views import APIView

from common.errors import NotSignedIn, ParleyError
from common.problems import problem_response

View = TypeVar("View", bound=Callable[..., Any])


async def nobody(request: HttpRequest) -> Any:
    """Let nobody in."""
    raise NotSignedIn()


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What holds where neither view nor class says otherwise."""

    async_lane: bool = False  # served without a thread (`config.handler`)
    any_host: bool = False  # on the async lane: answers whatever the Host header says
    any_query: bool = False  # refuses in its own words a query that no database takes
    max_body: str = "MAX_BODY_BYTES"  # the setting that bounds the body
    authenticate: Callable[[HttpRequest], Awaitable[Any]] = nobody  # asked before more than MAX_BODY_BYTES is read
    uploads: bool = False  # the body goes to the disk as it comes, and only from whom `authenticate` lets in
    content_encoding: bool = False  # the view itself reads compressed bodies; others refuse them
    cors: bool = False  # called by scripts of other origins, so errors are no pages; API views are, unless they say no
    refusal_response: Callable[[HttpRequest, ParleyError], HttpResponse] = problem_response
    content_security_policy: str = ""  # of the view's pages; empty: the strict one


NAMES = [field.name for field in fields(ViewOptions)]


@cache
def options_of(view: Callable[..., Any]) -> ViewOptions:
    """Return the options of a view of the URLconf."""
    kind = getattr(view, "view_class", None)  # as Django names the class of what `as_view` returns
    said: dict[str, Any] = {"cors": isinstance(kind, type) and issubclass(kind, APIView)}
    for source in (kind, view):
        said |= {name: getattr(source, name) for name in NAMES if hasattr(source, name)}
    return ViewOptions(**said)


def options_for(request: HttpRequest) -> ViewOptions:
    """Return the options of the view that a request is for."""
    if request.resolver_match is None:  # not by way of our handler, which has resolved the path already
        request.resolver_match = resolve(request.path_info)
    return options_of(request.resolver_match.func)


def view_options(**said: Any) -> Callable[[View], View]:
    """Decorate a view that is no class of ours with options."""
    ViewOptions(**said)  # refuses a name that is none

    def say(view: View) -> View:
        for name, value in said.items():
            setattr(view, name, value)
        return view

    return say
