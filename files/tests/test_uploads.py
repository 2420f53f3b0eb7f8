"""Files that come in, and go out again to their owner alone."""

import io
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from chats.tests.helpers import eventually, is_refusal
from files.models import File, Space
from files.sweep import sweep
from files.tests.conftest import pdf, picture, upload


def rows(person) -> tuple[int, int]:
    mine = File.objects.filter(owner_id=person.id), Space.objects.filter(owner_id=person.id)
    return mine[0].count(), mine[1].count()


def test_a_picture_is_stored_once_and_ready_at_once(alice, stored):
    first = upload(alice, picture(), "../../etc/holiday.html")
    again = upload(alice, picture(), "other.png")

    file = first.json()
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, file["id"])
    assert (file["name"], file["media_type"], file["state"]) == ("holiday.html", "image/png", "ready")
    assert (file["width"], file["height"]) == (900, 600)
    assert stored() == [file["id"], f"{file['id']}.prompt"]


def test_a_raw_body_is_a_file_too(alice, stored):
    answer = alice.http.post("/api/files/?name=notes.md", content=b"# Hello", headers={"Content-Type": "text/markdown"})

    assert (answer.status_code, answer.json()["media_type"]) == (201, "text/markdown")


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"a,b\n1,2", "t.csv", "text/csv"),
        (b'{"a": 1}', "t.json", "application/json"),
        (b"print(1)", "t.py", "text/plain"),
        (b"<svg onload='alert(1)'/>", "t.svg", "text/plain"),
        (b"<script>alert(1)</script>", "t.html", "text/plain"),
        (picture("JPEG"), "t.txt", "image/jpeg"),
        (picture("WEBP"), "t", "image/webp"),
        (picture("GIF"), "t", "image/gif"),
        (pdf("Hello"), "t.png", "application/pdf"),
    ],
)
def test_the_bytes_say_what_a_file_is(alice, stored, data, name, kind):
    assert upload(alice, data, name).json()["media_type"] == kind


def test_a_phone_picture_is_read_though_browsers_cannot_draw_it(alice, stored):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    written = io.BytesIO()
    Image.new("RGB", (640, 480), "red").save(written, "HEIF")

    file = upload(alice, written.getvalue(), "IMG_1.HEIC").json()
    content, preview = alice.get(file["url"]), alice.get(file["preview_url"])
    assert (file["media_type"], file["width"]) == ("image/heic", 640)
    assert content.headers["content-disposition"].startswith("attachment")
    assert Image.open(io.BytesIO(preview.content)).format == "JPEG"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(99), b"MZ\0\0", "é".encode("latin-1"), b"\xff\xfea\0"])
def test_what_is_not_in_the_table_is_refused_by_a_word(alice, stored, data):
    answer = upload(alice, data, "x.txt")

    assert (answer.status_code, answer.json()["code"]) == (415, "file_type_refused")
    assert stored() == []
    assert not File.objects.filter(owner_id=alice.id).exists()


def test_content_is_inert_and_comes_in_ranges(alice, stored):
    data = b"0123456789" * 20
    file = upload(alice, data, "evil (1).html").json()
    whole = alice.get(file["url"])
    part = alice.get(file["url"], headers={"Range": "bytes=5-8"})
    end = alice.get(file["url"], headers={"Range": "bytes=-3"})
    stale = alice.get(file["url"], headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    beyond = alice.get(file["url"], headers={"Range": "bytes=999-"})

    assert whole.content == stale.content == data
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"5678", "bytes 5-8/200")
    assert (end.content, beyond.status_code) == (b"789", 416)
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["content-disposition"].startswith("attachment; filename*=UTF-8''evil%20%281%29.html")
    assert "sandbox" in whole.headers["content-security-policy"]
    assert (whole.headers["x-content-type-options"], whole.headers["cache-control"]) == ("nosniff", "private, no-store")
    assert alice.http.head(file["url"]).headers["content-length"] == "200"


def test_the_web_server_in_front_may_send_it(alice, stored, settings):
    settings.X_ACCEL_PREFIX = "/protected/"
    file = upload(alice, b"hello", "a.txt").json()
    answer = alice.get(file["url"])

    assert (answer.headers["x-accel-redirect"], answer.content) == (f"/protected/files/{file['id']}", b"")


def test_a_file_is_its_owners(alice, bob, stored):
    file = upload(alice, picture()).json()
    addresses = [f"/api/files/{file['id']}/", file["url"], file["preview_url"]]

    assert [bob.get(each).status_code for each in addresses] == [404] * 3
    assert bob.http.delete(addresses[0]).status_code == 404
    assert bob.post(f"{addresses[0]}extract/").status_code == 404
    assert bob.get("/api/files/").json()["results"] == []
    assert [alice.http.get(each, headers={"Authorization": ""}).status_code for each in addresses] == [401] * 3


def test_the_list_tells_the_space_used_and_deletion_gives_it_back(alice, stored):
    ids = [upload(alice, f"text {n}".encode(), "a.txt").json()["id"] for n in range(3)]
    page = alice.get("/api/files/?page_size=2").json()
    rest = alice.get(page["next"]).json()
    assert [file["id"] for file in page["results"] + rest["results"]] == ids[::-1]
    assert (page["space"]["used"], page["space"]["files"]) == (18, 3)

    assert [alice.http.delete(f"/api/files/{each}/").status_code for each in ids] == [204] * 3
    assert alice.get("/api/files/").json()["results"] == []
    eventually(lambda: sweep() == 0 and rows(alice) == (0, 0))  # the server sweeps, too, and may hold a row
    assert stored() == []


def test_parallel_uploads_never_exceed_the_quota(alice, stored, settings):
    settings.FILE_SPACE_BYTES = 5000
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: upload(alice, f"{n:04}".encode() * 250, "a.txt"), range(12)))

    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [413] * 7
    assert {a.json()["code"] for a in answers if a.status_code == 413} == {"space_exceeded"}
    assert Space.objects.get(pk=alice.id).size == 5000


def test_the_same_bytes_sent_at_once_are_one_file(alice, stored):
    with ThreadPoolExecutor(6) as pool:
        ids = {answer.json()["id"] for answer in pool.map(lambda _: upload(alice, picture()), range(6))}

    assert (len(ids), rows(alice)) == (1, (1, 1))
    assert stored() == sorted([*ids, *(f"{each}.prompt" for each in ids)])


def test_a_large_file_is_refused_before_it_is_sent(alice, stored, settings):
    class Sent:
        size = 0

        def __iter__(self):
            for _ in range(100):
                self.size += 2**20
                yield bytes(2**20)

    sent = Sent()
    answer = alice.http.post("/api/files/", content=sent, headers={"Content-Length": str(100 * 2**20)})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_without_a_length_ends_at_the_limit(alice, stored, settings):
    answer = alice.http.post("/api/files/", content=iter([bytes(2**20)] * 30))

    assert answer.status_code == 413
    assert stored() == []


def test_the_text_of_a_pdf_is_extracted_as_a_task(alice, stored):
    file = upload(alice, pdf("Hello pages", "Second page"), "a.pdf").json()
    assert file["state"] == "waiting"
    deadline = time.monotonic() + 30
    while (now := alice.get(f"/api/files/{file['id']}/").json())["state"] == "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.1)

    from files.storage import read_prompt

    assert now["state"] == "ready"
    assert read_prompt(file["id"]) == b"Hello pages\n\nSecond page"


def test_a_broken_pdf_fails_and_may_be_tried_again(alice, stored):
    file = upload(alice, b"%PDF-1.4\nnothing", "a.pdf").json()
    deadline = time.monotonic() + 30
    while (now := alice.get(f"/api/files/{file['id']}/").json())["state"] == "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert (now["state"], now["error"]) == ("failed", "unreadable")
    assert alice.post(f"/api/files/{file['id']}/extract/").json()["state"] == "waiting"


def test_bad_forms_are_told_so(alice, stored):
    cut = alice.http.post("/api/files/", content=b"--x\r\n", headers={"Content-Type": "multipart/form-data"})
    none = alice.http.post("/api/files/", files={"other": ("a", b"x")})
    json = alice.post("/api/files/", {"a": 1})

    assert [cut.status_code, none.status_code, json.status_code] == [400, 400, 415]


def open_unnamed() -> list[str]:
    """Return what this process, in which the server runs, has open under no name."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(each))
        except OSError:
            continue
    return [name for name in found if "(deleted)" in name]


def test_a_body_on_its_way_has_no_name(alice, stored):
    go_on = threading.Event()

    def pieces():
        yield bytes(2**19)
        go_on.wait(60)
        yield bytes(2**19)

    before = len(open_unnamed())
    sending = threading.Thread(target=lambda: alice.http.post("/api/files/", content=pieces()))
    sending.start()
    eventually(lambda: len(open_unnamed()) > before)
    names = stored()
    go_on.set()
    sending.join()

    assert names == []


BOUNDARY = "----parley"
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nmoss\r\n'
END = f"--{BOUNDARY}--\r\n"
BODIES = {
    "a thousand files": PART * 1000 + END,
    "a thousand fields": PART.replace('; filename="a.txt"', "") * 1000 + END,
    "no file": END,
    "nothing": "",
    "cut in a file": PART[:-6],
    "cut in a header": PART[:40],
    "no end of a header": f"--{BOUNDARY}\r\n" + "X: " + "y" * 100_000,
    "another field": PART.replace('name="file"', 'name="files"') + END,
    "no name": PART.replace(' name="file";', "") + END,
    "base64 that is none": PART.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n***") + END,
}


@pytest.mark.parametrize("name", BODIES)
def test_a_form_that_is_odd_is_refused_and_leaves_nothing(alice, stored, name):
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = alice.http.post("/api/files/", content=BODIES[name].encode(), headers={"Content-Type": kind})

    assert is_refusal(answer, 400)
    assert (stored(), rows(alice)) == ([], (0, 0))


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"]
)
def test_a_form_without_a_boundary_is_refused(alice, stored, kind):
    answer = alice.http.post("/api/files/", content=(PART + END).encode(), headers={"Content-Type": kind})

    assert answer.status_code in (400, 415), answer.text
    assert is_refusal(answer, answer.status_code)
    assert (stored(), rows(alice)) == ([], (0, 0))


@pytest.mark.parametrize("length", [2**32, 2**63, 10**30])
def test_a_length_far_too_large_is_refused_before_a_byte_is_sent(alice, stored, live, length):
    where = httpx.URL(live)
    with socket.create_connection((where.host, where.port), 30) as line:
        line.sendall(
            f"POST /api/files/ HTTP/1.1\r\nHost: {where.netloc.decode()}\r\nAuthorization: Bearer {alice.token}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        status = line.recv(4096).split(b"\r\n")[0]

    assert status.split()[1] in (b"413", b"400")
    assert (stored(), rows(alice)) == ([], (0, 0))
