"""Files that clients send inside JSON, as `data:` URLs in base64: stored like uploads, before a turn is asked for."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from rest_framework import serializers

from accounts.access import Claims, load_viewer, require_confirmed
from common.executor import database
from common.threads import run_in_thread
from files.models import File
from files.payloads import content_url
from files.uploads import AT_ONCE, take_base64

NOT_BASE64 = "The data of a file must be base64, without blanks and with its padding."
WAIT_SECONDS, LOOK_SECONDS = 45, 0.2
_DATA_URL = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,100})((?:;[\w=.+-]{1,100})*);base64,", re.ASCII | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_OWN = re.compile(rf"(?:https?://[^/?#]+)?{content_url(f'({_UUID})')}?")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that came along; `data` is base64."""

    data: str = field(repr=False)
    name: str = ""


def read_data_url(url: str) -> tuple[str, str] | None:
    """Return the media type that a `data:` URL names, and its base64; None for any other. Raises ValidationError."""
    found = _DATA_URL.match(url)
    if found is None:
        return None
    data = url[found.end() :]
    whole = len(data) % 4 == 0 and data != ""
    if not whole or not all(_BASE64(data, at, at + AT_ONCE) for at in range(0, len(data), AT_ONCE)):
        raise serializers.ValidationError(NOT_BASE64)
    return found[1].lower(), data


def own_file(url: str) -> UUID | None:
    """Return which file an address is that we have named; whose it is will be asked when it is used."""
    found = _OWN.fullmatch(url)
    return UUID(found[1]) if found else None


async def store_files(claims: Claims, files: Sequence[DataFile | UUID]) -> tuple[UUID, ...]:
    """Store what came along; return the ids of all, once their text has been read.

    Raises what an upload raises.
    """
    if not files:
        return ()
    ids = await run_in_thread(partial(_store, claims, files))
    deadline = time.monotonic() + WAIT_SECONDS
    while await database().read(_is_waiting, ids) and time.monotonic() < deadline:  # noqa: ASYNC110  (other processes)
        await asyncio.sleep(LOOK_SECONDS)
    return ids


def _store(claims: Claims, files: Sequence[DataFile | UUID]) -> tuple[UUID, ...]:
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    return tuple(each if isinstance(each, UUID) else _take(viewer.id, each) for each in files)


def _take(owner_id: int, given: DataFile) -> UUID:
    return take_base64(owner_id, given.data, given.name)[0].pk


def _is_waiting(ids: Sequence[UUID]) -> bool:
    return File.objects.filter(pk__in=ids, state=File.State.WAITING).exists()
