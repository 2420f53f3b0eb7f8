"""Files that nginx sends itself, by the documented block: as inert, and as private, as those that Parley sends."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Person
from files.content import INERT
from files.tests.conftest import stored, upload
from tests.deploy.nginx import AROUND, BINARY
from tests.deploy.recipes import recipe, replaced
from tests.faults.stores import free_port

__all__ = ["stored"]
pytestmark = pytest.mark.skipif(BINARY is None, reason="nginx is not installed")


@pytest.fixture
def front(live: str, stored: Any, settings: Any, tmp_path: Path) -> Iterator[str]:
    """Run nginx before the server, with the block for files; return its address."""
    settings.X_ACCEL_PREFIX = "/protected/"
    folder, port = tmp_path / "nginx", free_port()
    folder.mkdir()
    block = replaced(recipe("nginx", "location /protected/"), {"/srv/parley/media/": f"{tmp_path}/"})
    block = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {live}; }} {block} }}"
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, block=block, user=user))
    process = subprocess.Popen([str(BINARY), "-p", folder, "-c", folder / "nginx.conf"])
    deadline = time.monotonic() + 20
    while not _answers(port):
        assert time.monotonic() < deadline, "nginx did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def test_they_are_inert_in_ranges_and_the_owners(front: str, alice: Person, bob: Person) -> None:
    data = b"<script>alert(1)</script>" * 100
    file = upload(alice, data, "a.html").json()
    url, mine = front + file["url"], {"Authorization": f"Bearer {alice.token}"}
    whole = httpx.get(url, headers=mine)
    part = httpx.get(url, headers={**mine, "Range": "bytes=1-6"})

    assert whole.content == data
    assert (part.status_code, part.content) == (206, b"script")
    for answer in (whole, part):
        assert {name: answer.headers.get(name) for name in INERT} == INERT
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment")
    assert httpx.get(url, headers={"Authorization": f"Bearer {bob.token}"}).status_code == 404
    assert httpx.get(f"{front}/protected/files/{file['id']}", headers=mine).status_code == 404
