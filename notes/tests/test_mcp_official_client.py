"""The official client finds its way in by itself: discovery, PKCE, the consent page, a token for this server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from oauth2_provider.models import Application

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.tests.document_host import CLIENT, REDIRECT, DocumentHost
from accounts.tests.oauth_actors import App, Browser, moved, public_client, sent_back

BACK = "https://tool.example/back"
MODES = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture
def site(live: str, settings: Any) -> Iterator[str]:
    """Return the address of a site that knows its own address."""
    settings.SITE_URL = live
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    with moved(OIDC_ISS_ENDPOINT=live):
        yield live


@pytest.fixture
def browser(site: str) -> Iterator[Browser]:
    one = Browser(site)
    yield one.register()
    one.http.close()


@pytest.fixture
def document_host(site: str, tmp_path: Path) -> Iterator[DocumentHost]:
    host = DocumentHost(tmp_path)
    cache.clear()
    with moved(CIMD_METADATA_FETCHER=host.fetcher, OIDC_ISS_ENDPOINT=site):
        yield host
    host.close()
    cache.clear()
    Application.objects.filter(registration_source="cimd").delete()


class Memory:
    """Where the client keeps what it was given."""

    def __init__(self, client_id: str = "") -> None:
        self.tokens: OAuthToken | None = None
        self.client = OAuthClientInformationFull(
            client_id=client_id, redirect_uris=[BACK], token_endpoint_auth_method="none"
        ) if client_id else None  # fmt: skip

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Opens the address that the client shows, in a browser where somebody is signed in, and presses Allow."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.asked: list[dict[str, str]] = []
        self.answer: dict[str, str] = {}

    async def shown(self, address: str) -> None:
        query = parse_qs(urlsplit(address).query)
        self.asked.append({name: values[0] for name, values in query.items()})
        self.answer = await asyncio.to_thread(self._allow, address)

    def _allow(self, address: str) -> dict[str, str]:
        page = self.browser.http.get(address)
        assert page.status_code == 200, page.text
        return sent_back(self.browser.decide(page, "allow"))

    async def came_back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**{name: self.answer.get(name) for name in ("code", "state", "iss")})


@asynccontextmanager
async def connected(
    site: str, person: Person, memory: Memory, mode: str, redirect: str = BACK, document: str | None = None
) -> AsyncIterator[Client]:
    about = OAuthClientMetadata(client_name="Tool", redirect_uris=[redirect], token_endpoint_auth_method="none")
    auth = OAuthClientProvider(
        f"{site}/mcp", about, memory, person.shown, person.came_back, client_metadata_url=document
    )  # fmt: skip
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(f"{site}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def save_and_find(client: Client) -> str:
    """Save a note, find it, read it; return its id."""
    assert {tool.name for tool in (await client.list_tools()).tools} == {
        "save_note", "search_notes", "list_notes", "read_note",
    }  # fmt: skip
    saved = await client.call_tool("save_note", {"content": "# Leek soup 🍲\n\nBoil."})
    assert not saved.is_error, saved
    found = await client.call_tool("search_notes", {"query": "leek"})
    assert [note["id"] for note in found.structured_content["notes"]] == [saved.structured_content["id"]]
    read = await client.call_tool("read_note", {"id": saved.structured_content["id"]})
    assert read.structured_content["content"] == "# Leek soup 🍲\n\nBoil."
    return str(saved.structured_content["id"])


@pytest.mark.parametrize("mode", MODES)
def test_a_registered_client_signs_in_and_saves_and_finds_a_note(site: str, browser: Browser, mode: str) -> None:
    person, memory = Person(browser), Memory(public_client(BACK).client_id)

    async def use() -> str:
        async with connected(site, person, memory, mode) as client:
            assert client.session.protocol_version == MODES[mode]
            return await save_and_find(client)

    note = asyncio.run(use())

    assert len(person.asked) == 1
    asked = person.asked[0]
    assert (asked["resource"], asked["code_challenge_method"]) == (f"{site}/mcp", "S256")
    assert asked["scope"] == "notes:read notes:write"
    assert person.answer["iss"] == site
    assert memory.tokens is not None
    assert memory.tokens.scope == "notes:read notes:write"
    owner = User.objects.get(email=browser.email)
    assert [str(pk) for pk in owner.notes.values_list("pk", flat=True)] == [note]
    assert "Leek soup" in browser.http.get(f"/notes/{note}/").text


@pytest.mark.parametrize("mode", MODES)
def test_chatgpts_own_document_makes_a_client(
    site: str, browser: Browser, document_host: DocumentHost, mode: str
) -> None:
    person, memory = Person(browser), Memory()

    async def use() -> None:
        async with connected(site, person, memory, mode, REDIRECT, CLIENT) as client:
            await save_and_find(client)

    asyncio.run(use())

    assert person.asked[0]["client_id"] == CLIENT
    assert document_host.asked == ["/oauth/client.json"]
    assert AppGrant.objects.get(user__email=browser.email).application.name == "ChatGPT"


def test_a_connection_that_was_ended_is_asked_for_anew(site: str, browser: Browser) -> None:
    person, memory = Person(browser), Memory(public_client(BACK).client_id)

    def end() -> None:
        AppGrant.objects.filter(user__email=browser.email).update(ended_at=timezone.now())
        connection.close()

    async def use() -> None:
        async with connected(site, person, memory, "auto") as client:
            note = await save_and_find(client)
            await asyncio.to_thread(end)
            again = await client.call_tool("list_notes", {})
            assert [row["id"] for row in again.structured_content["notes"]] == [note]

    asyncio.run(use())

    assert len(person.asked) == 2


def test_a_client_with_too_little_asks_for_the_scope_that_it_was_told(site: str, browser: Browser) -> None:
    person, memory = Person(browser), Memory(public_client(BACK).client_id)
    asyncio.run(_granted_reading_only(site, browser, person, memory))

    async def use() -> None:
        async with connected(site, person, memory, "auto") as client:
            await client.call_tool("list_notes", {})
            saved = await client.call_tool("save_note", {"content": "after all"})
            assert saved.structured_content["title"] == "after all"

    asyncio.run(use())

    assert [set(asked["scope"].split()) for asked in person.asked] == [{"notes:read", "notes:write"}]


async def _granted_reading_only(site: str, browser: Browser, person: Person, memory: Memory) -> None:
    assert memory.client is not None
    app = App(site, memory.client.client_id, redirect=BACK)
    code = browser.allow(app, scope="notes:read", resource=f"{site}/mcp", **app.pkce())["code"]
    answer = app.exchange(code, code_verifier=app.verifier)
    app.http.close()
    memory.tokens = OAuthToken.model_validate(answer.json())
