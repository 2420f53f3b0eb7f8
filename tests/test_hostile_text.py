"""Text that a database or a decoder does not take, wherever it comes outside of bodies: an answer, and never a 5xx."""

import re
from collections.abc import Iterable, Iterator
from itertools import cycle, islice

import httpx
import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.models import User
from chats.routing import websocket_urlpatterns
from chats.tests.routes import EXAMPLES, Route, example, routes
from conftest import Person

NUL = "%00"
HOSTILE = [
    "a%00b", "%FF", "%ED%A0%80", "%F4%90%80%80", "%EF%BF%BF", "99999999999999999999", "-99999999999999999999",
    "9" * 4301, "%F0%9F%A6%8A", "0000-00-00", "0001-01-01", "9999-12-31T23:59:59.999999-14:00", "0", "-1", "1e999",
    "NaN", "%D9%A3", "%5B%5D", "%7B%7D", "%27%22%3E%3C", "%0D%0AX-Evil:1", "%25s", "1" * 7000,
]  # fmt: skip
PAGE_PARAMETERS = ["search", "tag", "before", "next", "token", "messages", "current", "archived", "client_id", "state"]
ADMIN_PARAMETERS = ["q", "o", "p", "all", "e", "_popup", "_to_field", "_changelist_filters", "id", "pk", "next"]
AUTOCOMPLETE = ["app_label", "model_name", "field_name", "term", "page"]
LOOKUPS = ["", "__gte", "__year", "__in"]
NUL_COOKIE = r'"\000"'
COOKIES = [r'"a\000b"', r'"\377"', "\xff\xfe", '"', "x" * 5000, "%00", r'"\355\240\200"', "é=é"]
HEADERS = {
    "Accept": "\xff", "Accept-Language": "\xff\xfe", "Authorization": "Bearer \xff", "If-Modified-Since": "9" * 5000,
    "If-None-Match": "\xff", "Idempotency-Key": "\xff", "Last-Event-ID": "9" * 5000, "Origin": "http://[",
    "Range": "bytes=" + "9" * 5000, "Referer": "http://[\xff", "User-Agent": "\xed\xa0\x80", "HX-Request": "\xff",
    "Content-Type": "text/html; charset=hex", "X-Forwarded-For": "\xff", "X-CSRFToken": "\xff",
    "HX-Current-URL": "http://[", "Sec-Fetch-Site": "\xff", "Accept-Encoding": "\xff", "X-Forwarded-Proto": "\xff",
}  # fmt: skip


def gettable() -> list[Route]:
    return [route for route in routes() if not route.methods or "get" in route.methods]


def documented() -> dict[str, list[str]]:
    """Return the names of the query parameters of each path in the OpenAPI document."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    return {
        path: [named["name"] for named in operations["get"].get("parameters", []) if named["in"] == "query"]
        for path, operations in paths.items()
        if "get" in operations
    }


def of_admin() -> Iterator[tuple[str, str]]:
    """Yield the lists of the admin, each with a parameter: stock ones, and fields with several kinds of look-up."""
    yield from (("/admin/autocomplete/", name) for name in AUTOCOMPLETE)
    for model in admin.site._registry:
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        fields = [f"{field.name}{lookup}" for field in model._meta.get_fields() for lookup in LOOKUPS]
        yield from ((path, name) for name in (*ADMIN_PARAMETERS, *fields))


def parameters() -> Iterator[tuple[str, str]]:
    """Yield every address with each of its parameters."""
    known = documented()
    for route in gettable():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        names = known.get(path, known.get(f"{path}/"))
        if not route.path.startswith("/admin/"):
            yield from ((example(route.path), name) for name in (PAGE_PARAMETERS if names is None else names))


@pytest.fixture
def root(alice: Person) -> Iterator[httpx.Client]:
    """Return a client with all there is: an access token, and the session of a superuser."""
    user = User.objects.get(pk=alice.id)
    user.is_staff = user.is_superuser = True
    user.save()
    browser = Client()
    browser.force_login(user, "accounts.backends.EmailBackend")
    name = django_settings.SESSION_COOKIE_NAME
    alice.http.headers["Cookie"] = f"{name}={browser.cookies[name].value}"
    return alice.http


def failures(client: httpx.Client, asked: Iterable[tuple[str, dict[str, bytes]]]) -> list[str]:
    """Return what was answered with a 5xx, or not at all."""
    failed, count = [], 0
    for count, (url, headers) in enumerate(asked, 1):  # noqa: B007
        try:
            status = client.get(url, headers=headers).status_code
        except httpx.HTTPError as error:
            failed.append(f"{type(error).__name__} {url[:200]} {headers}"[:400])
        else:
            if status >= 500:
                failed.append(f"{status} {url[:200]} {headers}"[:400])
    assert count > 100
    return failed


def each_with_some(
    places: Iterable[tuple[str, str]], always: str, others: list[str], count: int
) -> Iterator[tuple[str, str, str]]:
    """Yield every place with one value that it always gets, and with a few of the others, in turn."""
    turn = cycle(others)
    for path, name in places:
        for value in (always, *islice(turn, count)):
            yield path, name, value


def test_in_queries(root: httpx.Client) -> None:
    asked = each_with_some(parameters(), NUL, HOSTILE, 1)

    assert failures(root, ((f"{path}?{name}={value}", {}) for path, name, value in asked)) == []


def test_in_lists_of_the_admin(root: httpx.Client) -> None:
    asked = each_with_some(of_admin(), NUL, HOSTILE, 1)

    assert failures(root, ((f"{path}?{name}={value}", {}) for path, name, value in asked)) == []


def test_in_names_of_parameters(root: httpx.Client) -> None:
    paths = [example(route.path) for route in gettable()]

    assert failures(root, ((f"{path}?{value}=1", {}) for path in paths for value in (NUL, "%FF", "%ED%A0%80"))) == []


def test_in_paths(root: httpx.Client) -> None:
    asked = each_with_some(((route.path, "") for route in gettable()), NUL, HOSTILE, 8)

    assert failures(root, ((hostile_path(route, value), {}) for route, _, value in asked)) == []


def hostile_path(route: str, value: str) -> str:
    """Return the address with the value in the place of its parameters, or after its end."""
    if "<" in route and "^" not in route:
        return re.sub(r"<[^>]+>", value, route)
    return f"{example(route).rstrip('/')}/{value}"


def test_in_cookies(root: httpx.Client) -> None:
    names = [django_settings.SESSION_COOKIE_NAME, django_settings.CSRF_COOKIE_NAME, django_settings.REFRESH_COOKIE]
    places = ((example(route.path), name) for route in gettable() for name in (*names, "messages"))
    asked = each_with_some(places, NUL_COOKIE, COOKIES, 1)

    assert (
        failures(root, ((path, {"Cookie": f"{name}={value}".encode("latin-1")}) for path, name, value in asked)) == []
    )


def test_in_headers(root: httpx.Client) -> None:
    turn = cycle(HEADERS.items())
    asked = ((example(route.path), dict(islice(turn, 1))) for route in gettable() for _ in range(6))

    assert (
        failures(root, ((path, {name: text.encode("latin-1") for name, text in sent.items()}) for path, sent in asked))
        == []
    )


def test_who_has_a_damaged_cookie_goes_on(root: httpx.Client) -> None:
    """It is ignored: beside the session's own cookie nothing changes, and in its place one signs in anew."""
    mine = root.headers["Cookie"]
    root.headers["Cookie"] = rf'other="\000"; {mine}'
    assert root.get("/accounts/profile/").status_code == 200

    root.headers["Cookie"] = rf'{django_settings.SESSION_COOKIE_NAME}="\000"'
    assert root.get("/accounts/sign-in/").status_code == 200
    assert root.get("/accounts/profile/").headers["Location"].startswith("/accounts/sign-in/")


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/api/chats/", {"title", "errors"}), ("/v1/models", {"error"}), ("/api/chat", {"code", "detail"}),
        ("/", {"title", "errors"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("query", ["search=%00", "search=a&x=%00", "%00=1"])
def test_a_query_with_nul_is_refused_in_the_words_of_its_address(
    root: httpx.Client, path: str, members: set[str], query: str
) -> None:
    answer = root.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert members <= set(answer.json())


def test_people_get_a_page(root: httpx.Client) -> None:
    answer = root.get("/notes/?search=%00", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.parametrize("value", HOSTILE)
def test_in_handshakes(live: str, value: str) -> None:
    for pattern in websocket_urlpatterns:
        url = live.replace("http", "ws") + example(f"/{pattern.pattern}")
        for query in (f"ticket={value}", f"head={value}&size={value}", f"{value}=1"):
            assert status_of(f"{url}?{query}") in (101, 403, 431)
    for cookie in COOKIES:
        headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
        assert status_of(live.replace("http", "ws") + f"/ws/chats/{EXAMPLES['anyuuid']}/page/", headers) == 403


def status_of(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        with connect(url, additional_headers=headers):
            return 101
    except InvalidStatus as refusal:
        return int(refusal.response.status_code)
