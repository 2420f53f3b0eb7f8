"""Files as clients see them."""

from typing import Any

from files.models import File
from files.space import SpaceUsed


def file_payload(file: File) -> dict[str, Any]:
    """Return a file; its addresses are paths of this server, for the owner only."""
    found = {
        "id": file.pk,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "width": file.width,
        "height": file.height,
        "state": file.state,
        "error": file.error,
        "created_at": file.created_at,
        "url": content_url(file.pk),
    }
    return found | ({"preview_url": preview_url(file.pk)} if file.width else {})


def part_payload(file: File) -> dict[str, Any]:
    """Return what the part of a message keeps of a file."""
    names = ("id", "name", "media_type", "size", "width", "height", "url", "preview_url")
    payload = file_payload(file)
    return {name: payload[name] for name in names if payload.get(name) is not None}


def space_payload(used: SpaceUsed, size_limit: int, files_limit: int) -> dict[str, int]:
    return {"used": used.size, "limit": size_limit, "files": used.files, "files_limit": files_limit}


def content_url(id_: object) -> str:
    return f"/api/files/{id_}/content/"


def preview_url(id_: object) -> str:
    return f"/api/files/{id_}/preview/"
