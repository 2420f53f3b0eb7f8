"""What an app may ask for, and of which of our servers."""

from urllib.parse import urlsplit

from django.conf import settings

SCOPES = {
    "notes:read": "Read and search your notes",
    "notes:write": "Save, change and delete notes for you",
}
DEFAULT = tuple(SCOPES)
_PORTS = {"http": 80, "https": 443}


def api_resource() -> str:
    """Return the identifier (RFC 8707) of the REST API."""
    return str(settings.SITE_URL)


def mcp_resource() -> str:
    """Return the identifier of the MCP server."""
    return f"{settings.SITE_URL}/mcp"


def resources() -> list[str]:
    """Return the identifiers of all our resource servers."""
    return [api_resource(), mcp_resource()]


def known_resource(text: str) -> str | None:
    """Return our own spelling of a resource identifier; None for one that is not ours."""
    wanted = _normal(text)
    return next((resource for resource in resources() if wanted and _normal(resource) == wanted), None)


def _normal(text: str) -> tuple[str, str, int | None, str] | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.query or "#" in text or "@" in parts.netloc or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme), parts.path.rstrip("/")
