"""Which models a provider says that it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from llm.client.endpoints import base_url_of, key_headers
from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken, ProviderRefused
from llm.client.sessions import session
from llm.client.transport import connection_errors, json_or_nothing
from llm.client.types import Dialect, ProviderConfig

MOST_BYTES = 16 * 2**20
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class ListDialect:
    """What stands in a dialect's list, and how its pages are asked for."""

    ids: Callable[[Mapping[str, Any]], list[str]]
    next: Callable[[Mapping[str, Any]], dict[str, str]] = lambda page: {}  # what asks for the next page
    first: Mapping[str, str] = field(default_factory=dict)


def _openai_ids(page: Mapping[str, Any]) -> list[str]:
    return [each["id"] for each in page["data"]]


def _gemini_ids(page: Mapping[str, Any]) -> list[str]:
    """Return those that generate content; others embed, or make pictures."""
    wanted = "generateContent"
    listed = [each for each in page.get("models", ()) if wanted in each.get("supportedGenerationMethods", (wanted,))]
    return [each["name"].removeprefix("models/") for each in listed]


LISTS: Mapping[Dialect, ListDialect] = {
    "openai_chat": ListDialect(_openai_ids),
    "openai_responses": ListDialect(_openai_ids),
    "anthropic": ListDialect(
        _openai_ids,
        lambda page: {"after_id": page["last_id"]} if page.get("has_more") else {},
        {"limit": "1000"},
    ),
    "gemini": ListDialect(
        _gemini_ids,
        lambda page: {"pageToken": page["nextPageToken"]} if page.get("nextPageToken") else {},
        {"pageSize": "1000"},
    ),
}


async def list_models(provider: ProviderConfig) -> list[str]:
    """Return the ids of a provider's models, as it orders them; raise ProviderError. How long to wait is the caller's.

    The demo has itself.
    """
    if provider.adapter == "demo":
        return ["demo"]
    dialect, found, more = LISTS[provider.adapter], list[str](), dict[str, str]()
    url, headers = _address(provider), key_headers(provider)
    for _ in range(MOST_PAGES):
        page = await _page(provider.name, url.with_query({**dialect.first, **more}), headers)
        try:
            found += [id_ for id_ in dialect.ids(page) if isinstance(id_, str)]
            more = dialect.next(page)
            if not all(isinstance(each, str) for each in more.values()):
                raise TypeError("no text")
        except (AttributeError, KeyError, TypeError) as error:
            raise ProviderBroken(provider.name, f"unexpected shape: {type(error).__name__}") from error
        if not more:
            break
    return list(dict.fromkeys(found))


def _address(provider: ProviderConfig) -> URL:
    try:
        return URL(f"{base_url_of(provider)}/models")
    except ValueError as error:
        raise ProviderRefused(provider.name, "InvalidURL") from error


async def _page(provider: str, url: URL, headers: dict[str, str]) -> Mapping[str, Any]:
    """Read one page; no redirect is followed, since the key would go with it."""
    headers = {**headers, "Accept": "application/json"}
    with connection_errors(provider):
        async with session().get(url, headers=headers, allow_redirects=False) as answer:
            body = await _whole(provider, answer)
    said = json_or_nothing(body)
    if answer.status != 200:
        raise map_error(provider, said, answer.status, answer.headers)
    if not isinstance(said, dict):
        raise ProviderBroken(provider, "no JSON object")
    return said


async def _whole(provider: str, answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise ProviderBroken(provider, "more than 16 MiB")
    return bytes(body)
