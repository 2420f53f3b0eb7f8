"""What a reply is based on, as links."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from chats.parts import SOURCE, Part, part_payload


def source_views(parts: Sequence[Part]) -> list[dict[str, str]]:
    """Return each source once, with its host; whatever is no address of the web is left out."""
    given = [part_payload(kind, text) for kind, text in parts if kind == SOURCE]
    return list({each["url"]: _view(each["url"], each["title"]) for each in given if _host(each["url"])}.values())


def _view(url: str, title: str) -> dict[str, str]:
    return {"url": url, "title": title or url, "host": _host(url)}


def _host(url: str) -> str:
    try:
        parsed = urlsplit(url)
    except ValueError:
        return ""
    return parsed.hostname or "" if parsed.scheme in ("http", "https") else ""
