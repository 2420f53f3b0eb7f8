"""Avatars: pictures and nothing else."""

import io
import threading
from pathlib import Path
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from accounts.models import Profile
from accounts.services.avatars import replace_avatar
from accounts.tests.conftest import Client

pytestmark = pytest.mark.django_db


def picture(form: str = "PNG", size: tuple[int, int] = (900, 600), **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, form, **options)
    return written.getvalue()


def put(client: Client, data: bytes, name: str = "me.png", kind: str = "image/png"):
    return client.put("/api/profile/avatar/", {"avatar": SimpleUploadedFile(name, data, kind)}, format="multipart")


def files(settings) -> list[str]:
    return [file.name for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()]


def served(client: Client, url: str):
    return client.get(url.replace("http://localhost:8000", ""))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_stored_anew_as_a_small_webp(as_alice, form):
    answer = put(as_alice, picture(form), name="../../evil.html", kind="text/html")

    url = answer.json()["avatar"]
    response = served(as_alice, url)
    image = Image.open(io.BytesIO(b"".join(response.streaming_content)))
    assert answer.status_code == 200
    assert "evil" not in url
    assert (image.format, image.size) == ("WEBP", (512, 341))


def test_it_is_served_inert(as_alice, api):
    response = served(api, put(as_alice, picture()).json()["avatar"])
    response.close()

    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"].startswith("private")


def test_it_can_only_be_read(api):
    response = api.post("/media/avatars/" + "0" * 32 + ".webp")

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.django_db(transaction=True)
def test_metadata_and_appended_data_are_gone(as_alice, settings):
    info = PngInfo()
    info.add_text("Comment", "secret-place")
    exif = Image.Exif()
    exif[0x010E] = "secret-place"
    exif[0x0112] = 6  # turned by a quarter

    put(as_alice, picture("JPEG", exif=exif) + b"<script>secret-place</script>")
    [name] = files(settings)
    stored = (Path(settings.MEDIA_ROOT) / "avatars" / name).read_bytes()
    assert b"secret-place" not in stored
    assert Image.open(io.BytesIO(stored)).size == (341, 512)

    put(as_alice, picture("PNG", pnginfo=info))
    [name] = files(settings)
    assert b"secret-place" not in (Path(settings.MEDIA_ROOT) / "avatars" / name).read_bytes()


@pytest.mark.parametrize("data", [
    b"",
    b"no picture",
    b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    picture()[:200],
    b"GIF89a<script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    picture("BMP"),
    picture("TIFF"),
])  # fmt: skip
def test_what_is_no_such_picture_is_refused_and_the_old_one_stays(as_alice, settings, data):
    url = put(as_alice, picture()).json()["avatar"]

    answer = put(as_alice, data)

    assert answer.status_code == 400
    assert answer.json()["errors"]["avatar"]
    assert as_alice.get("/api/profile/").json()["avatar"] == url
    response = served(as_alice, url)
    response.close()
    assert response.status_code == 200
    assert len(files(settings)) == 1


def test_too_many_bytes_are_413_and_too_many_pixels_are_refused_before_decoding(as_alice, settings):
    settings.AVATAR_MAX_BYTES = 20_000
    assert put(as_alice, picture() + b"\0" * 20_000).status_code == 413

    settings.AVATAR_MAX_PIXELS = 100
    cut = picture(size=(11, 10))[:60]  # nothing to decode
    assert put(as_alice, cut).json()["errors"]["avatar"] == ["A picture has at most 100 pixels."]


def test_a_decompression_bomb_is_refused(as_alice):
    bomb = bytearray(picture(size=(1, 1)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2

    assert put(as_alice, bytes(bomb)).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_new_picture_replaces_the_old_file_and_removal_removes_it(as_alice, settings):
    first = put(as_alice, picture()).json()["avatar"]
    second = put(as_alice, picture()).json()["avatar"]

    assert first != second
    assert files(settings) == [second.rpartition("/")[2]]
    assert as_alice.delete("/api/profile/avatar/").json()["avatar"] is None
    assert files(settings) == []
    assert as_alice.delete("/api/profile/avatar/").status_code == 200


def test_a_failure_to_store_leaves_the_old_picture(as_alice, settings):
    url = put(as_alice, picture()).json()["avatar"]

    with mock.patch.object(Path, "write_bytes", side_effect=OSError(28, "No space left on device")):
        assert put(as_alice, picture()).status_code == 503

    assert as_alice.get("/api/profile/").json()["avatar"] == url
    assert len(files(settings)) == 1


def test_a_failed_commit_leaves_the_old_file_and_no_new_one(as_alice, alice, settings):
    put(as_alice, picture())
    before = files(settings)

    with mock.patch.object(Profile, "save", side_effect=RuntimeError), pytest.raises(RuntimeError):
        replace_avatar(alice, SimpleUploadedFile("x.png", picture()))

    assert files(settings) == before


@pytest.mark.django_db(transaction=True)
def test_parallel_uploads_leave_one_file(alice, settings):
    def upload() -> None:
        replace_avatar(alice, SimpleUploadedFile("x.png", picture()))
        connections.close_all()

    threads = [threading.Thread(target=upload) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert files(settings) == [Profile.objects.get(user=alice).avatar]


@pytest.mark.parametrize("body", [
    b"",
    b"--b\r\n\r\n",
    b'--b\r\nContent-Disposition: form-data; name="avatar"\r\n\r\ntext\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="avatar"; filename="\xff\x00"\r\n\r\nx\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="avatar"; filename="a"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n",
    b"\xff" * 100,
])  # fmt: skip
def test_weird_multipart_bodies_are_refused(as_alice, body):
    answer = as_alice.put("/api/profile/avatar/", body, content_type="multipart/form-data; boundary=b")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["", "; boundary=", "; boundary=\xff"])
def test_a_multipart_body_without_a_boundary_is_refused(as_alice, kind):
    assert as_alice.put("/api/profile/avatar/", b"x", content_type=f"multipart/form-data{kind}").status_code == 400


def test_other_types_are_415_and_the_answer_names_what_is_taken(as_alice):
    as_json = as_alice.put("/api/profile/avatar/", {"avatar": "x"})
    as_picture = as_alice.put("/api/profile/avatar/", b"x", content_type="image/png")

    for answer in (as_json, as_picture):
        assert answer.status_code == 415
        assert all(
            word in answer.json()["detail"] for word in ("multipart/form-data", "PNG", "JPEG", "WebP", "GIF", "HEIC")
        )
    assert "application/json" in as_alice.patch("/api/profile/", b"x", content_type="text/plain").json()["detail"]


@pytest.mark.parametrize(
    "name", ["x", "..%2f..%2fdb.sqlite3", "../x", "0" * 32 + ".webp", "%00.webp", "0" * 32 + ".webp%0a"]
)
def test_nothing_else_is_served(api, name):
    assert api.get(f"/media/avatars/{name}").status_code == 404
