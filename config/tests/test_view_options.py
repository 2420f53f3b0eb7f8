"""What holds at an address is what its view says: the errors' shape, the body's size, CORS; the Host everywhere."""

from typing import Any

import httpx
import pytest
from django.urls import resolve

from chats.tests.routes import METHODS, example, routes
from common.view_options import options_of, view_options

CHAT = "00000000-0000-4000-8000-000000000000"
ANY_HOST = {"/healthz", "/readyz"}  # for probes, which know an address and no name
FRONT_END = "http://localhost:5173"
SHAPES = [
    ("/v1/chat/completions", {"error"}),
    ("/v1/nowhere", {"error"}),
    ("/v1", {"error"}),
    ("/api/chat", {"code", "detail"}),
    ("/api/chat/x/nowhere", {"code", "detail"}),
    ("/oauth/token/", {"error", "error_description"}),
    ("/oauth/authorize/", {"error", "error_description"}),
    ("/oauth/nowhere", {"error", "error_description"}),
    ("/mcp", {"jsonrpc", "id", "error"}),
    ("/prompt_gpt/", {"title", "code", "detail", "error"}),
    ("/todays_chat/", {"title", "code", "detail", "error"}),
    (f"/api/chats/{CHAT}/messages/", {"title", "code", "detail"}),
    ("/api/chats/", {"title", "code", "detail"}),
    ("/api/nowhere", {"title", "code", "detail"}),
    ("/nowhere", {"title", "code", "detail"}),
]


def answers(live: str, path: str, settings: Any) -> list[httpx.Response]:
    """Return refusals of several kinds: a body that is not read, a wrong Host, and what the view itself refuses."""
    settings.MAX_BODY_BYTES = settings.MAX_CHAT_BODY_BYTES = 1024
    return [
        httpx.post(live + path, content=b"x" * 1025),
        httpx.get(live + path, headers={"Host": "evil.example"}),
        httpx.put(live + path),
    ]


@pytest.mark.parametrize(("path", "members"), SHAPES)
def test_each_refusal_has_the_shape_of_its_address(live: str, settings: Any, path: str, members: set[str]) -> None:
    large, foreign, other = answers(live, path, settings)

    assert (large.status_code, foreign.status_code) == (413, 400)
    for answer in (large, foreign) if path == "/oauth/authorize/" else (large, foreign, other):
        assert answer.status_code >= 400
        assert members <= set(answer.json())


@pytest.mark.parametrize(("path", "is_page"), [("/nowhere", True), ("/oauth/nowhere", True), ("/api/nowhere", False),
                                               ("/v1/nowhere", False), ("/admin/nowhere/", True)])  # fmt: skip
def test_people_get_a_page_where_programs_are_not_expected(live: str, path: str, is_page: bool) -> None:
    answer = httpx.get(live + path, headers={"Accept": "text/html"}, follow_redirects=True)

    assert answer.headers["Content-Type"].startswith("text/html") == is_page
    assert ("Content-Security-Policy" in answer.headers) == is_page


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("/api/profile/", True), ("/api/chats/", True), ("/api/nowhere", True), ("/api/chat", True), ("/v1", True),
        ("/v1/models", True), ("/mcp", True), ("/prompt_gpt/", True), ("/todays_chat/", True),
        ("/oauth/token/", True), ("/oauth/revoke", True),
        ("/", False), ("/nowhere", False), ("/accounts/sign-in/", False), ("/oauth/authorize/", False),
        ("/healthz", False), ("/admin/login/", False), ("/webhooks/stream/", False), ("/openapi/notes.json", False),
    ],
)  # fmt: skip
def test_scripts_of_listed_front_ends_may_call_the_api_only(live: str, path: str, is_open: bool) -> None:
    headers = {"Origin": FRONT_END, "Access-Control-Request-Method": "GET"}

    for method in ("OPTIONS", "GET"):
        allowed = httpx.request(method, live + path, headers=headers).headers.get("Access-Control-Allow-Origin")
        assert allowed == (FRONT_END if is_open else None)
        foreign = httpx.request(method, live + path, headers=headers | {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in foreign.headers


def test_listed_front_ends_may_send_whatever_headers_their_libraries_add(live: str) -> None:
    added = "authorization, x-stainless-os, baggage, sentry-trace, traceparent, x-requested-with, x-of-tomorrow"
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": added}
    open_ = {path for path in map(example, {route.path for route in routes()}) if options_of(resolve(path).func).cors}
    assert {"/api/profile/", "/oauth/token", "/v1/models", "/api/chat"} <= open_
    with httpx.Client(base_url=live) as client:
        for path in open_:
            answer = client.options(path, headers={"Origin": FRONT_END, **asks})
            assert (answer.status_code, answer.headers["Access-Control-Allow-Headers"]) == (200, added), path
            foreign = client.options(path, headers={"Origin": "https://evil.example", **asks})
            assert "Access-Control-Allow-Headers" not in foreign.headers


@pytest.mark.parametrize("origin", ["capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://x.y"])
def test_a_front_end_may_be_an_app_shell(live: str, settings: Any, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [origin]
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    for path in ("/api/chats/", "/oauth/token/", "/api/token/refresh/"):
        assert httpx.options(live + path, headers=headers).headers["Access-Control-Allow-Origin"] == origin
    assert httpx.post(f"{live}/api/token/refresh/", headers=headers).json()["code"] == "refresh_invalid"


def test_a_foreign_host_is_refused_everywhere(live: str) -> None:
    with httpx.Client(base_url=live, headers={"Host": "evil.example"}) as client:
        passed = {
            route.path.rstrip("/")
            for route in routes()
            for method in route.methods or METHODS
            if client.request(method, example(route.path)).status_code != 400
        }

    assert passed == ANY_HOST


def test_pictures_may_be_larger_than_other_bodies() -> None:
    for path in ("/api/profile/avatar/", "/accounts/profile/avatar/"):
        assert options_of(resolve(path).func).max_body == "MAX_AVATAR_BODY_BYTES"


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError):
        view_options(max_bdy="MAX_BODY_BYTES")
