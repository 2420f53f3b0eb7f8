"""Routes: with and without the trailing slash, never redirected; UUIDs in any letter case."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter


class AnyUUIDConverter(StringConverter):
    """A UUID in canonical form, upper or lower case; anything else is no such address."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> UUID:  # type: ignore[override]
        return UUID(value)

    def to_url(self, value: UUID | str) -> str:
        return str(value)


register_converter(AnyUUIDConverter, "anyuuid")


def with_and_without_slash(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Route an address with its slash, which is the canonical form, and without."""
    return [path(f"{route}/", view, name=name), path(route, view)]


def endpoints(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield the patterns and those included in them, at any depth."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns)
        else:
            yield pattern


def canonical_only(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """Leave the slashless twins out of the schema (a drf-spectacular preprocessing hook)."""
    known = {(path_, method) for path_, _, method, _ in endpoints}
    return [item for item in endpoints if (f"{item[0]}/", item[2]) not in known]
