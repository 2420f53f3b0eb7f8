"""Clients known by a document (CIMD): ChatGPT's own is taken, from listed hosts only, within limits."""

import gzip
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone
from oauth2_provider.cimd import CIMDError
from oauth2_provider.models import Application

from accounts.oauth.client_documents import DocumentFetcher, Target
from accounts.oauth.resource_server import grant_for, mcp_resource
from accounts.tests.document_host import CHATGPT, CLIENT, HOST, REDIRECT, DocumentHost
from accounts.tests.oauth_actors import App, Browser, moved, sent_back


@pytest.fixture
def host(site: str, tmp_path: Path) -> Iterator[DocumentHost]:
    made = DocumentHost(tmp_path)
    cache.clear()
    with moved(CIMD_METADATA_FETCHER=made.fetcher, CIMD_FETCH_TIMEOUT_SECONDS=2):
        yield made
    made.close()
    cache.clear()
    Application.objects.filter(registration_source="cimd").delete()


@pytest.fixture
def connector(apps: Callable[..., App]) -> App:
    """ChatGPT as an MCP client."""
    return apps(CLIENT, redirect=REDIRECT)


def test_chatgpt_connects_by_its_own_document(host: DocumentHost, browser: Browser, connector: App) -> None:
    wanted = {"resource": mcp_resource(), "scope": "notes:read notes:write", **connector.pkce()}

    page = browser.open(connector, **wanted)
    assert page.status_code == 200, page.text
    assert "ChatGPT" in page.text
    assert HOST in page.text
    code = sent_back(browser.decide(page, "allow"))["code"]
    answer = connector.exchange(code, code_verifier=connector.verifier, resource=mcp_resource())
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    grant = grant_for(tokens["access_token"], mcp_resource())
    assert grant is not None
    assert (grant.client_id, grant.client_name) == (CLIENT, "ChatGPT")
    later = connector.refresh(tokens["refresh_token"], resource=mcp_resource()).json()
    assert connector.revoke(later["refresh_token"]).status_code == 200
    assert grant_for(later["access_token"], mcp_resource()) is None
    assert host.asked == ["/oauth/client.json"]  # once


def test_it_is_a_public_client(host: DocumentHost, browser: Browser, connector: App, apps: Callable[..., App]) -> None:
    assert sent_back(browser.open(connector))["error"] == "invalid_request"  # PKCE
    code = browser.allow(connector, **connector.pkce())["code"]

    guess = apps(CLIENT, "guess", REDIRECT).exchange(code, code_verifier=connector.verifier)
    assert (guess.status_code, guess.json()["error"]) == (401, "invalid_client")
    assert connector.exchange(code, code_verifier=connector.verifier).status_code == 200


NOT_LISTED = ["https://evil.example/oauth/client.json", f"https://{HOST}.evil.example/c.json",
              f"https://sub.{HOST}/oauth/client.json", f"http://{HOST}/oauth/client.json",
              f"https://evil.example@{HOST}/c.json", f"https://{HOST}:8443/oauth/client.json",
              f"https://{HOST}/a/../client.json", f"https://{HOST}", "https://127.0.0.1/c.json",
              f"https://{HOST}/oauth/client.json#x", "https://[bad/", f"https://{HOST}:99999999/x"]  # fmt: skip


@pytest.mark.parametrize("client_id", NOT_LISTED)
def test_nothing_is_fetched_from_elsewhere(
    host: DocumentHost, browser: Browser, apps: Callable[..., App], client_id: str
) -> None:
    app = apps(client_id, redirect=REDIRECT)

    assert browser.open(app, **app.pkce()).status_code == 400
    assert app.refresh("x").json()["error"] == "invalid_client"
    assert host.asked == []


WRONG: dict[str, dict[str, Any]] = {
    "of somebody else": {"client_id": f"https://{HOST}/other.json"},
    "with a secret": {"client_secret": "x"},
    "no redirects": {"redirect_uris": []},
    "odd redirects": {"redirect_uris": [1]},
    "plain http": {"redirect_uris": ["http://chatgpt.com/x"]},
    "implicit": {"grant_types": ["implicit", "authorization_code"]},
    "needs keys": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    "needs keys, too": {"token_endpoint_auth_methods_supported": "none"},
    "needs keys, by a map": {"token_endpoint_auth_methods_supported": {"none": True}},
    "needs keys, nested": {"token_endpoint_auth_methods_supported": [["none"]]},
    "needs keys, null": {"token_endpoint_auth_methods_supported": None},
    "no method": {"token_endpoint_auth_methods_supported": [], "token_endpoint_auth_method": None},
    "method in a list": {"token_endpoint_auth_methods_supported": [], "token_endpoint_auth_method": ["none"]},
    "id in a list": {"client_id": [CLIENT]},
    "one redirect": {"redirect_uris": REDIRECT},
    "redirects in a map": {"redirect_uris": {REDIRECT: True}},
    "no redirect": {"redirect_uris": [REDIRECT, None]},
    "redirect in a list": {"redirect_uris": [[REDIRECT]]},
    "one grant type": {"grant_types": "authorization_code"},
    "no grant types": {"grant_types": None},
    "grant type in a list": {"grant_types": [["authorization_code"]]},
    "secret, null": {"client_secret": None},
    "odd name": {"client_name": ["x"]},
    "true as a name": {"client_name": True},
    "endless name": {"client_name": "x" * 300},
    "NUL": {"client_name": "a\0b"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_wrong_documents_make_no_client(
    host: DocumentHost, browser: Browser, connector: App, changes: dict[str, Any]
) -> None:
    host.document.update(changes)

    assert browser.open(connector, **connector.pkce()).status_code == 400
    assert not Application.objects.filter(client_id=CLIENT).exists()
    assert browser.open(connector, **connector.pkce()).status_code == 400
    assert len(host.asked) == 1  # a failure is remembered for a while


ANSWERS: dict[str, dict[str, Any]] = {
    "redirect": {"status": 302, "headers": {"Location": "https://evil.example/", "Content-Type": "application/json"}},
    "error": {"status": 500},
    "page": {"headers": {"Content-Type": "text/html"}},
    "too large": {"body": b"[" + b" " * 20_000 + b"]"},
    "not JSON": {"body": b"{"},
    "a list": {"body": b"[]"},
    "deep": {"body": b"[" * 16_000},
    "compressed": {"headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
                   "body": gzip.compress(json.dumps(CHATGPT).encode())},
    "dripping": {"dripping": True},
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_wrong_answers_make_no_client(
    host: DocumentHost, browser: Browser, connector: App, answer: dict[str, Any]
) -> None:
    for name, value in answer.items():
        setattr(host, name, value)

    assert browser.open(connector, **connector.pkce()).status_code == 400
    assert host.asked == ["/oauth/client.json"]


def test_a_host_taken_off_the_list_is_shut_out_at_once(host: DocumentHost, browser: Browser, connector: App) -> None:
    code = browser.allow(connector, **connector.pkce())["code"]
    tokens = connector.exchange(code, code_verifier=connector.verifier).json()

    with moved(CIMD_ALLOWED_HOSTS=["elsewhere.example"]):
        assert browser.open(connector, **connector.pkce()).status_code == 400
        assert connector.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    with moved(CIMD_ENABLED=False):
        assert connector.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert connector.refresh(tokens["refresh_token"]).status_code == 200


def test_documents_are_read_again_and_kept_while_they_are_away(
    host: DocumentHost, browser: Browser, connector: App
) -> None:
    assert browser.open(connector, **connector.pkce()).status_code == 200
    host.document["client_name"] = "ChatGPT, renamed"

    with time_machine.travel(timezone.now() + timedelta(days=2)):
        cookie_died = browser.open(connector, **connector.pkce())
        assert cookie_died.status_code in (200, 302)
    assert Application.objects.get(client_id=CLIENT).name == "ChatGPT, renamed"
    host.status = 500
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        assert browser.open(connector, **connector.pkce()).status_code in (200, 302)
    assert Application.objects.get(client_id=CLIENT).name == "ChatGPT, renamed"


def test_a_client_made_by_hand_is_not_taken_over(host: DocumentHost, browser: Browser, connector: App) -> None:
    Application.objects.create(name="By hand", client_id=CLIENT, client_type="public", redirect_uris="https://a.example/",
                               authorization_grant_type="authorization-code")  # fmt: skip

    assert browser.open(connector, **connector.pkce()).status_code == 400
    assert host.asked == []
    Application.objects.filter(client_id=CLIENT).delete()


def test_in_production_only_public_addresses_are_connected_to() -> None:
    for url in ("https://localhost/c.json", "https://127.0.0.1/c.json", "https://169.254.169.254/c", "https://[::1]/c"):
        with pytest.raises(CIMDError, match="non-public"):
            DocumentFetcher().fetch(url)


def test_the_certificate_is_checked(host: DocumentHost, browser: Browser, connector: App) -> None:
    class Strict(host.fetcher):  # type: ignore[misc, name-defined]
        def target(self, name: str) -> Target:
            return replace(super().target(name), context=ssl.create_default_context())

    with moved(CIMD_METADATA_FETCHER=Strict):
        assert browser.open(connector, **connector.pkce()).status_code == 400
    assert host.asked == []
