"""Where a request comes from, as far as the trusted proxies vouch for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What a door tells the services of who asks; calls without a request (shell, tests) share one network."""

    network: str = "local"  # what limits count by
    agent: str = ""
    address: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    languages: str = ""  # the `Accept-Language` header


def client_info(request: HttpRequest | None) -> ClientInfo:
    """Return what a request shows of its client."""
    if request is None:
        return ClientInfo()
    address = client_address(request)
    agent = request.META.get("HTTP_USER_AGENT", "").replace("\0", "")[:300]
    languages = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
    return ClientInfo(network_of(address), agent, str(address) if address else None, request.COOKIES, languages)


def client_address(request: HttpRequest) -> Address | None:
    """Return the client's address: the peer's, or the entry that the outermost trusted proxy added."""
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return peer
    hops = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if not hops:
        return peer
    return _parse(hops[-min(settings.TRUSTED_PROXIES, len(hops))]) or peer


def _parse(text: str) -> Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(address: Address | None) -> str:
    """Return what limits are counted by: one IPv4 address, or the /64 that one IPv6 customer has."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address or "unknown")
