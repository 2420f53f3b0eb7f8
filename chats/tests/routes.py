"""Every address of the URL conf, found by walking it, so that a new one cannot be forgotten."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
EXAMPLES = {"anyuuid": "00000000-0000-4000-8000-000000000000", "cid": "messaging:x"}


class Route(NamedTuple):
    """A path with `<name>` in the places of its parameters, the view, and the methods that it takes."""

    path: str
    view: Any
    methods: tuple[str, ...]


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[Route]:
    """Yield every route that is written with `path`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "cls", pattern.callback)
            yield Route(route, view, tuple(name for name in METHODS if hasattr(view, name)))


def of_chats() -> list[Route]:
    """Return the routes of the REST doors; those of clients that people already have speak those clients' errors."""
    doors = [route for route in routes() if route.view.__module__.startswith("chats.api.")]
    return [route for route in doors if not re.match(r"/\^?(v1|api/chat)\b", route.path)]


def filled(route: str, **values: Any) -> str:
    """Put values in the places of the parameters; a parameter that has none is an error."""
    parts = []
    for part in route.split("/"):
        if part.startswith("<"):
            part = str(values[part.strip("<>").rpartition(":")[2]])
        parts.append(part)
    return "/".join(parts)


def example(route: str) -> str:
    """Return an address that the route matches."""
    if "^" in route:  # a regular expression, whose group may be anything
        return re.sub(r"\(.*", "/", route.replace("^", ""))
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: EXAMPLES.get(found[1] or "", "1"), route)
