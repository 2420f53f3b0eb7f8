"""What serving a file answers to headers, and to names, that are odd."""

from urllib.parse import unquote

import httpx
import pytest
from django.test import Client

from accounts.models import User
from files.tests.conftest import picture, upload

DATA = b"0123456789" * 20


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-0", 206, b"0"),
        ("bytes=198-999999", 206, b"89"),
        ("bytes=-999", 200, DATA),
        ("bytes=195-", 206, b"56789"),
        ("bytes=0-1,4-5", 200, DATA),
        ("bytes=5-2", 200, DATA),
        ("bytes=-", 200, DATA),
        ("bytes=٣-", 200, DATA),
        ("pages=1-2", 200, DATA),
        ("bytes=" + "9" * 99 + "-", 200, DATA),
        ("bytes=200-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=" + "9" * 18 + "-", 416, None),
    ],
)
def test_ranges(alice, stored, asked, status, content):
    file = upload(alice, DATA, "a.txt").json()
    answer = alice.get(file["url"], headers={"Range": asked.encode()})
    head = alice.http.head(file["url"], headers={"Range": asked.encode()})

    assert answer.status_code == status
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "200", b"")
    if status == 416:
        assert answer.headers["content-range"] == "bytes */200"
    else:
        assert answer.content == content


def test_what_a_client_has_is_not_sent_again(alice, bob, stored):
    file = upload(alice, DATA, "a.txt").json()
    tag = alice.get(file["url"]).headers["etag"]
    known = [alice.get(file["url"], headers={"If-None-Match": each}) for each in (tag, "*", f'W/{tag}, "x"')]
    changed = alice.get(file["url"], headers={"If-None-Match": '"x"'})

    assert [(each.status_code, each.content, each.headers["etag"]) for each in known] == [(304, b"", tag)] * 3
    assert changed.content == DATA
    assert alice.get(file["url"], headers={"If-Match": '"x"'}).status_code == 412
    assert bob.get(file["url"], headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("..\\..\\a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("a\r\nSet-Cookie: b=c", "aSet-Cookie: b=c"),
        ('a"; filename="b.html', 'a"; filename="b.html'),
        ("\u2067\u200b.txt", ".txt"),
        ("日本 🦊.txt", "日本 🦊.txt"),
        ("x" * 900 + ".txt", "x" * 251 + ".txt"),
    ],
)
def test_names_are_nothing_but_names(alice, stored, name, shown):
    file = alice.http.post("/api/files/", params={"name": name}, content=DATA).json()
    said = alice.get(file["url"]).headers["content-disposition"]

    assert file["name"] == shown
    assert said.isascii()
    assert unquote(said) == f"attachment; filename*=UTF-8''{shown}"
    assert stored() == [file["id"], f"{file['id']}.prompt"]


SITES = [
    ({}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-site"}, 401),
    ({"Sec-Fetch-Site": "cross-site"}, 401),
    ({"Sec-Fetch-Site": "odd"}, 401),
    ({"Origin": "null"}, 401),
    ({"Referer": "https://evil.test/"}, 401),
    ({"Authorization": ""}, 401),
    ({"Authorization": "Bearer wrong"}, 401),
]


@pytest.mark.parametrize(("headers", "status"), SITES)
def test_the_cookie_of_the_page_is_for_the_page_alone(alice, stored, live, settings, headers, status):
    file = upload(alice, picture()).json()
    page = Client()
    page.force_login(User.objects.get(pk=alice.id), "accounts.backends.EmailBackend")
    cookies = {settings.SESSION_COOKIE_NAME: page.cookies[settings.SESSION_COOKIE_NAME].value}
    with httpx.Client(base_url=live, cookies=cookies, headers=headers) as browser:
        asked = [browser.get(each).status_code for each in ("/api/files/", file["url"], file["preview_url"])]
        sent = browser.post("/api/files/", files={"file": ("a.png", picture())}).status_code

    assert asked == [status] * 3
    assert sent == status or (status, sent) == (401, 403)


def test_previews_are_inert_too(alice, stored):
    file = upload(alice, picture()).json()
    answer = alice.get(file["preview_url"])

    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "image/jpeg"
