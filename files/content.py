"""Serving the bytes of a file: to its owner, inert, in ranges, by the web server in front where there is one."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from common.errors import ParleyError, Unavailable
from common.media import MEDIA_TYPES
from common.problems import problem_response
from files.models import File
from files.storage import name_of, open_bytes

PIECE = 2**16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class RangeRefused(ParleyError):
    status, code, title = 416, "range_not_satisfiable", "The file has no such range of bytes."


async def serve_file(request: HttpRequest, file: File) -> HttpResponseBase:
    """Answer with a file, or with the one range asked for; several, or a stale `If-Range`, get all of it."""
    headers = _headers(file)
    if known := get_conditional_response(request, etag=headers["ETag"]):  # 304, or 412
        for name, value in {**INERT, "ETag": headers["ETag"]}.items():
            known[name] = value
        return known
    try:
        start, stop = _range(request, file)
    except RangeRefused as error:
        refused = problem_response(request, error)
        refused["Content-Range"] = f"bytes */{file.size}"
        return refused
    if start or stop < file.size:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    if settings.X_ACCEL_PREFIX:  # which sees to ranges itself
        headers = {name: value for name, value in headers.items() if name not in ("Content-Range", "Content-Length")}
        return HttpResponse(headers={**headers, "X-Accel-Redirect": settings.X_ACCEL_PREFIX + name_of(file.pk)})
    try:
        opened = await asyncio.to_thread(open_bytes, file.pk)
    except OSError as error:
        raise Unavailable("The file cannot be read at the moment.") from error
    return StreamingHttpResponse(_pieces(opened, start, stop), status=status, headers=headers)


def _headers(file: File) -> dict[str, str]:
    """Return what keeps a file from being more than a picture or a download, whatever is in it."""
    drawn = MEDIA_TYPES[file.media_type].shown
    is_text = MEDIA_TYPES[file.media_type].kind == "text"
    name = quote(file.name, safe="")
    return {
        "Content-Type": "text/plain; charset=utf-8" if is_text else file.media_type,
        "Content-Disposition": f"{'inline' if drawn else 'attachment'}; filename*=UTF-8''{name}",
        **INERT,
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.sha256}"',
    }


INERT = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, no-store",
}


def _range(request: HttpRequest, file: File) -> tuple[int, int]:
    """Return the first byte to send, and the one after the last; raise RangeRefused."""
    whole = 0, file.size
    condition = request.headers.get("If-Range")
    if request.method != "GET":  # for which alone ranges are defined
        return whole
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if found is None or found.group() == "bytes=-" or condition not in (None, f'"{file.sha256}"'):
        return whole
    first, last = found.groups()
    if not first:  # so many at the end
        if not int(last):
            raise RangeRefused()
        return max(0, file.size - int(last)), file.size
    start, stop = int(first), min(int(last or file.size) + 1, file.size)
    if last and int(last) < int(first):
        return whole
    if start >= file.size:
        raise RangeRefused()
    return start, stop


async def _pieces(file: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    try:
        await asyncio.to_thread(file.seek, start)
        while start < stop and (piece := await asyncio.to_thread(file.read, min(PIECE, stop - start))):
            start += len(piece)
            yield piece
    finally:
        with suppress(OSError):
            file.close()
