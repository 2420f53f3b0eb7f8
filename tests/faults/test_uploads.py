"""Uploads to real servers: the quota holds over two of them, and what a killed one leaves behind is found and swept."""

import itertools
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from files.tests.conftest import picture
from tests.faults.cluster import Cluster, Process
from tests.faults.people import PASSWORD

SIZE = 5_000
LONG_AGO = "2020-01-01 00:00:00+00:00"


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def serve(store: tuple[str, str], cluster: Any, media: Path) -> Callable[..., Cluster]:
    return lambda **settings: cluster(*store, MEDIA_ROOT=media, **settings)


def signed_up(process: Process) -> dict[str, str]:
    body = {"email": f"p{uuid.uuid4().hex[:12]}@example.org", "password": PASSWORD}
    return {"Authorization": f"Bearer {httpx.post(f'{process.url}/api/register/', json=body).json()['access']}"}


def upload(process: Process, headers: dict[str, str], data: bytes) -> httpx.Response:
    return httpx.post(f"{process.url}/api/files/", headers=headers, files={"file": ("a.png", data)}, timeout=60)


def stored(media: Path) -> set[str]:
    return {path.name for path in media.rglob("*") if path.is_file()}


def test_parallel_uploads_to_two_processes_never_exceed_the_quota(serve: Callable[..., Cluster], media: Path) -> None:
    made = serve(FILE_SPACE_BYTES=10 * SIZE)
    processes = made.start(2)
    headers = signed_up(processes[0])

    def send(number: int) -> int:
        return upload(processes[number % 2], headers, f"{number:05}".encode() * (SIZE // 5)).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(pool.map(send, range(40)))

    assert statuses == [201] * 10 + [413] * 30
    assert made.sql("SELECT size, files FROM files_space") == [(10 * SIZE, 10)]
    assert len({name.partition(".")[0] for name in stored(media)}) == 10


def test_a_server_killed_while_files_come_in_leaves_no_orphan_after_the_sweep(
    serve: Callable[..., Cluster], media: Path
) -> None:
    made = serve()
    [server] = made.start()
    headers, numbers, taken, enough = signed_up(server), itertools.count(), list[str](), threading.Event()

    def send() -> None:
        while True:
            try:
                answer = upload(server, headers, picture(size=(700, 100 + next(numbers))))
            except httpx.HTTPError:
                return
            taken.append(str(answer.json()["id"]))
            if len(taken) >= 8:
                enough.set()

    def half() -> Iterator[bytes]:
        """Send the first half of a body, and the other once the server is gone."""
        yield bytes(2**20)
        gone.wait(60)
        yield bytes(2**20)

    def send_half() -> None:
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"{server.url}/api/files/", headers=headers, content=half(), timeout=60)

    gone = threading.Event()
    senders = [threading.Thread(target=each) for each in (send, send, send, send_half)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    server.kill()
    gone.set()
    for sender in senders:
        sender.join()

    server.start()
    server.wait_ready()
    made.sql("UPDATE files_file SET expires_at = ? WHERE state = 'uploading'", LONG_AGO)
    assert made.manage("prune").returncode == 0

    listed = {str(uuid.UUID(str(id_))) for (id_,) in made.sql("SELECT id FROM files_file")}
    assert set(taken) <= listed
    assert stored(media) == listed | {f"{id_}.prompt" for id_ in listed}
    assert made.sql("SELECT files FROM files_space") == [(len(listed),)]
    for id_ in taken:
        assert httpx.get(f"{server.url}/api/files/{id_}/content/", headers=headers).status_code == 200
    assert not [name for name in os.listdir(media) if name != "files"]
