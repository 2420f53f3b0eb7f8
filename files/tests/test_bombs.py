"""What is made to harm a decoder is refused or made harmless, within two seconds and little memory."""

import io
import os
import resource
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.child_process import PROJECT
from conftest import Person
from files.tests.conftest import pdf, picture, upload

SECONDS, MEGABYTES = 2.0, 100


def huge_png(side: int = 30_000) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer, packed = zlib.compressobj(9), b""
    for _ in range(300):
        packed += packer.compress(bytes(side * 3))
    packed += packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def text_bomb_png() -> bytes:
    """Make a small picture whose metadata unpack to 50 MB."""
    small = picture(size=(10, 10))
    data = b"k\0\0" + zlib.compress(bytes(50_000_000), 9)
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return small[:33] + chunk + small[33:]


def long_gif() -> bytes:
    frames = [Image.new("P", (20, 20), number % 256) for number in range(2)]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], loop=0, duration=10)
    data = written.getvalue()
    frame = data[data.rindex(b"\x21\xf9") : -1]
    return data[:-1] + frame * 10_000 + b";"


def pdf_bomb() -> bytes:
    """Make a page whose content unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * 2**20) for _ in range(1024)) + packer.flush()
    whole = pdf("x")
    start, end = whole.index(b"<< /Length"), whole.index(b"endstream")
    body = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\n"
    return whole[:start] + body + whole[end:]


def zip_bomb() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(2**26))
    return written.getvalue()


def measured(module: str, arguments: list[str], data: bytes) -> tuple[int, float, float]:
    """Run a child on a file; return its exit code, CPU seconds and megabytes."""
    read, write = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=PROJECT,
    )  # fmt: skip
    os.close(read)

    def feed() -> None:
        with os.fdopen(write, "wb") as pipe:
            try:
                pipe.write(data)
            except BrokenPipeError:
                return

    threading.Thread(target=feed, daemon=True).start()
    peak = 0
    while (found := os.wait4(child.pid, os.WNOHANG))[0] == 0:
        peak = max(peak, high_water(child.pid))
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(found[1])
    return child.returncode, found[2].ru_utime + found[2].ru_stime, peak / 1024


def high_water(pid: int) -> int:
    """Return the most that a process has held, in KiB; what `wait4` tells has that of its parent in it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM") and "python" in lines[0]), 0)


PICTURES: dict[str, tuple[Any, str, int]] = {
    "30,000 x 30,000": (huge_png, "PNG", 1),
    "metadata": (text_bomb_png, "PNG", 1),
    "10,000 frames": (long_gif, "GIF", 0),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> None:
    make, kind, expected = PICTURES[name]
    code, seconds, megabytes = measured("common.small_picture", ["1568", "25000000", "JPEG", kind], make())

    assert code == expected
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def test_a_pdf_that_unpacks_to_a_gigabyte() -> None:
    code, seconds, megabytes = measured("files.pdf_text", ["400000"], pdf_bomb())

    assert code == 1
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def test_what_they_are_to_the_server(alice: Person, stored: Any) -> None:
    began, both = time.monotonic(), picture("GIF") + zip_bomb()  # a zip has the time it was made at
    answers = [upload(alice, data) for data in (huge_png(), zip_bomb(), both)]

    assert [answer.status_code for answer in answers] == [400, 415, 201]
    assert time.monotonic() - began < 20
    polyglot = alice.get(answers[2].json()["url"])
    assert polyglot.content == both
    assert polyglot.headers["content-type"] == "image/gif"
    assert polyglot.headers["x-content-type-options"] == "nosniff"
    assert zipfile.is_zipfile(io.BytesIO(alice.get(answers[2].json()["preview_url"]).content)) is False


def test_the_limits_are_those_of_the_child_alone() -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
