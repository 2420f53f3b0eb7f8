"""A server that is killed while it takes files in leaves nothing that the sweep does not find."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from common.child_process import PROJECT
from conftest import Person
from files.models import File, Space
from files.sweep import sweep
from files.tests.conftest import upload

# Takes a file in, in a process of its own, and dies where it is told to.
DYING = """
import io, os, signal, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.test_settings"
import django; django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[3]
settings.MEDIA_ROOT = settings.UPLOAD_FOLDER = sys.argv[2]
from files import uploads
def die(*args): os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[1].split(":")[0]
setattr(uploads, where, die)
uploads.take_file(int(sys.argv[1].split(":")[1]), io.BytesIO(b"half of it"), "a.txt")
"""


def killed(where: str, owner: int, folder: str) -> None:
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    done = subprocess.run([sys.executable, "-c", DYING, f"{where}:{owner}", folder, name], cwd=PROJECT, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_whatever_was_begun_is_swept(alice: Person, stored, settings) -> None:
    for where in ("write_bytes", "write_text", "_finish"):
        killed(where, alice.id, settings.MEDIA_ROOT)
    assert File.objects.filter(owner_id=alice.id, state="uploading").count() == 3
    assert Space.objects.get(pk=alice.id).files == 3
    assert alice.get("/api/files/").json()["results"] == []

    File.objects.filter(owner_id=alice.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    while sweep():
        pass
    assert stored() == []
    assert not File.objects.filter(owner_id=alice.id).exists()
    assert not Space.objects.filter(pk=alice.id).exists()
    assert upload(alice, b"half of it", "a.txt").status_code == 201


def test_a_body_on_its_way_has_no_name(alice: Person, stored) -> None:
    go_on = threading.Event()

    def pieces():
        yield bytes(2**19)
        go_on.wait(10)
        yield bytes(2**19)

    sending = threading.Thread(target=lambda: alice.http.post("/api/files/", content=pieces()))
    sending.start()
    time.sleep(1)
    held = [each for each in Path(f"/proc/{os.getpid()}/fd").iterdir() if "(deleted)" in _target(each)]
    names = stored()
    go_on.set()
    sending.join()

    assert (names, bool(held)) == ([], True)


def _target(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
