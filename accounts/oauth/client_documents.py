"""Clients known by a document at their own address (Client ID Metadata Documents), from listed hosts only.

django-oauth-toolkit checks the allow-list before anything is fetched, bounds simultaneous fetches and remembers
failures for a minute. Its own fetcher bounds each read, not the whole: a dripping answer could hold a thread for hours.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from oauth2_provider.cimd import CIMDError, SafeMetadataFetcher, _resolve_and_validate, _validate_client_id_url
from oauth2_provider.settings import oauth2_settings

from accounts.oauth.clients import may_be_sent_to

PORT = 443
HEADERS = {"Accept": "application/json, application/*+json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the one connection goes: addresses that were checked, so that no second look-up can change them."""

    addresses: list[str]
    port: int
    context: ssl.SSLContext


class DocumentFetcher(SafeMetadataFetcher):
    """Fetches over https from a public address, without redirects; lets a client be public that can be.

    ChatGPT's document prefers `private_key_jwt` and lists `none` beside it: it then identifies itself by PKCE alone.
    """

    def target(self, host: str) -> Target:
        """Return where a host is; raise CIMDError unless all of it is public."""
        return Target(list(_resolve_and_validate(host, PORT)), PORT, ssl.create_default_context())

    def fetch(self, client_id: str) -> tuple[dict[str, Any], int]:
        """Return the document and for how many seconds it holds, or raise CIMDError."""
        _validate_client_id_url(client_id)
        parts = urlsplit(client_id)
        if parts.port not in (None, PORT):
            raise CIMDError("client_id URL must use the default port")
        try:
            answer = asyncio.run(_fetched(client_id, self.target(str(parts.hostname))))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CIMDError(f"could not fetch client_id document: {type(error).__name__}") from error
        document, max_age = self._read_document(answer)
        _require_ways_back(document.get("redirect_uris"))
        return as_public(document), max_age


class _Pinned(AbstractResolver):
    """Answers with the addresses that were checked."""

    def __init__(self, target: Target) -> None:
        self.target = target

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=self.target.port, proto=0, flags=socket.AI_NUMERICHOST,
                          family=socket.AF_INET6 if ":" in address else socket.AF_INET)
            for address in self.target.addresses
        ]  # fmt: skip

    async def close(self) -> None: ...


async def _fetched(url: str, target: Target) -> Any:
    try:
        return await _get(url, target)
    finally:
        await asyncio.sleep(0)  # an aborted connection ends in the loop's next round


async def _get(url: str, target: Target) -> Any:
    """Return status, headers and body, within one limit of time for everything and one of size."""
    limit, seconds = oauth2_settings.CIMD_MAX_DOCUMENT_SIZE, oauth2_settings.CIMD_FETCH_TIMEOUT_SECONDS
    connector = aiohttp.TCPConnector(resolver=_Pinned(target), ssl=target.context, force_close=True)
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
        session.get(url, headers=HEADERS, allow_redirects=False) as response,
    ):
        body = await _body(response, limit)
        if b"\\u0000" in body:
            raise CIMDError("client_id document contains NUL, which no database stores")
        return SimpleNamespace(status=response.status, headers=response.headers, read=lambda _: bytes(body))


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytearray:
    """Return one byte more than the limit at most; what is not read to its end is cut off, without a farewell."""
    body = bytearray()
    try:
        while len(body) <= limit and (chunk := await response.content.read(limit + 1 - len(body))):
            body += chunk
    finally:
        if response.connection is not None and response.connection.transport is not None:
            response.connection.transport.abort()
    return body


def _require_ways_back(addresses: Any) -> None:
    """Refuse redirect URIs over plain http or by an app's own scheme; what is no list is django-oauth-toolkit's."""
    found = [each for each in addresses if isinstance(each, str)] if isinstance(addresses, list) else []
    if not all(may_be_sent_to(each, is_public=False) for each in found):
        raise CIMDError("client_id document names a redirect URI that is not over https or to the user's machine")


def as_public(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a client that can do without keys as that of one that does."""
    supported = document.get("token_endpoint_auth_methods_supported")
    if isinstance(supported, list) and "none" in supported:
        return {**document, "token_endpoint_auth_method": "none"}
    return document


def is_listed(client_id: str) -> bool:
    """Tell whether the host of a client's document may still be used."""
    permissions = oauth2_settings.CIMD_REGISTRATION_PERMISSION_CLASSES
    return oauth2_settings.CIMD_ENABLED and all(kind().has_permission(None, client_id) for kind in permissions)
