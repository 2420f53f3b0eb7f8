"""Which models a provider says that it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken, ProviderBusy, ProviderRefused
from llm.client.sessions import session
from llm.client.transport import MISCONFIGURED
from llm.client.types import Dialect, ProviderConfig

MOST_BYTES = 16 * 2**20
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class ListDialect:
    """Where a dialect has its list, and what stands in it."""

    address: str
    version: str  # that an address without one is given
    headers: Callable[[str], dict[str, str]]
    ids: Callable[[Mapping[str, Any]], list[str]]
    next: Callable[[Mapping[str, Any]], dict[str, str]]  # what asks for the next page
    first: Mapping[str, str]


def _openai_ids(page: Mapping[str, Any]) -> list[str]:
    return [each["id"] for each in page["data"]]


def _gemini_ids(page: Mapping[str, Any]) -> list[str]:
    """Return those that generate content; others embed, or make pictures."""
    wanted = "generateContent"
    listed = [each for each in page.get("models", ()) if wanted in each.get("supportedGenerationMethods", (wanted,))]
    return [each["name"].removeprefix("models/") for each in listed]


OPENAI = ListDialect(
    "https://api.openai.com/v1", "", lambda key: {"Authorization": f"Bearer {key}"}, _openai_ids, lambda page: {}, {}
)
LISTS: Mapping[Dialect, ListDialect] = {
    "openai_chat": OPENAI,
    "openai_responses": OPENAI,
    "anthropic": ListDialect(
        "https://api.anthropic.com/v1",
        "v1",
        lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
        _openai_ids,
        lambda page: {"after_id": page["last_id"]} if page.get("has_more") else {},
        {"limit": "1000"},
    ),
    "gemini": ListDialect(
        "https://generativelanguage.googleapis.com/v1beta",
        "v1beta",
        lambda key: {"x-goog-api-key": key},
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
    url = _address(provider, dialect)
    headers = dialect.headers(provider.key) if provider.key else {}
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


def _address(provider: ProviderConfig, dialect: ListDialect) -> URL:
    base = (provider.base_url or dialect.address).rstrip("/")
    is_versioned = not dialect.version or base.rpartition("/")[2].startswith("v1")
    try:
        return URL(f"{base}/models" if is_versioned else f"{base}/{dialect.version}/models")
    except ValueError as error:
        raise ProviderRefused(provider.name, "InvalidURL") from error


async def _page(provider: str, url: URL, headers: dict[str, str]) -> Mapping[str, Any]:
    """Read one page; no redirect is followed, since the key would go with it."""
    try:
        async with session().get(
            url, headers={**headers, "Accept": "application/json"}, allow_redirects=False
        ) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ProviderBroken(provider, "more than 16 MiB")
    except MISCONFIGURED as error:
        raise ProviderRefused(provider, type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderBusy(provider, type(error).__name__) from error
    try:
        said = orjson.loads(body)
    except ValueError:
        said = None
    if answer.status != 200:
        raise map_error(provider, said, answer.status, answer.headers)
    if not isinstance(said, dict):
        raise ProviderBroken(provider, "no JSON object")
    return said
