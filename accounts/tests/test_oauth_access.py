"""What the resource servers use: tokens, audiences, scopes, challenges; one kind of credential is never another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.conf import settings as own
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.access import BearerAuthentication
from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import (
    OAuthAuthentication,
    OAuthBesideSession,
    OAuthProtected,
    api_resource,
    challenge,
    grant_for,
    mcp_resource,
    require_scope,
)
from accounts.tests.oauth_actors import PASSWORD, App, Browser

METADATA = f'resource_metadata="{own.SITE_URL}/.well-known/oauth-protected-resource"'


class Notes(OAuthProtected, APIView):
    authentication_classes = (OAuthBesideSession, BearerAuthentication)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        require_scope(request, "notes:read")
        return Response({"email": request.user.email})

    def post(self, request: Request) -> Response:
        require_scope(request, "notes:write")
        return Response({})


class Tools(Notes):
    authentication_classes = (OAuthAuthentication,)
    oauth_resource = staticmethod(mcp_resource)


def call(view: type[APIView], token: str = "", method: str = "get", **query: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return view.as_view()(getattr(APIRequestFactory(), method)("/", query, headers=headers))


@pytest.fixture
def access(browser: Browser, chatgpt: App) -> str:
    return str(chatgpt.exchange(browser.allow(chatgpt)["code"]).json()["access_token"])


def test_no_token_gets_a_challenge_without_an_error(site: str) -> None:
    answer = call(Notes)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == f'Bearer {METADATA}, scope="notes:read notes:write"'
    assert f"{own.SITE_URL}/.well-known/oauth-protected-resource/mcp" in call(Tools)["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["nonsense", "parley-at-", "parley-at-guess", "parley-rt-x", "sk-parley-x", "a.b.c"])
def test_bad_tokens_get_invalid_token(site: str, token: str) -> None:
    for view in (Notes, Tools):
        answer = call(view, token)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].endswith('error="invalid_token"')
        assert "resource_metadata=" in answer["WWW-Authenticate"]


def test_a_good_token_lets_in_where_it_is_for(browser: Browser, access: str) -> None:
    assert call(Notes, access).data == {"email": browser.email}
    assert call(Notes, access, "post").status_code == 200
    refused = call(Tools, access)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused["WWW-Authenticate"]


def test_a_missing_scope_is_403_and_says_which(browser: Browser, chatgpt: App) -> None:
    token = chatgpt.exchange(browser.allow(chatgpt, scope="notes:read")["code"]).json()["access_token"]

    answer = call(Notes, token, "post")

    assert answer.status_code == 403
    assert answer["WWW-Authenticate"] == challenge(api_resource(), "insufficient_scope", "notes:write")
    assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]
    assert call(Notes, token).status_code == 200


def test_the_query_string_is_not_looked_at(access: str) -> None:
    assert call(Notes, access_token=access).status_code == 401


def test_one_kind_of_credential_is_never_another(site: str, browser: Browser, chatgpt: App, access: str) -> None:
    with httpx.Client(base_url=site) as client:
        signed_in = client.post("/api/token/", json={"email": browser.email, "password": PASSWORD}).json()["access"]
        mine = {"Authorization": f"Bearer {signed_in}"}
        key = client.post("/api/keys/", json={"name": "k"}, headers=mine).json()["key"]
        for path in ("/api/users/self/", "/api/chats/", "/api/keys/", "/api/grants/", "/api/sessions/", "/v1/models"):
            answer = client.get(path, headers={"Authorization": f"Bearer {access}"})
            assert answer.status_code == 401, path
        assert call(Notes, signed_in).status_code == 200  # the user's own front end
        for view, credential in ((Tools, signed_in), (Tools, key), (Notes, key)):
            assert call(view, credential).status_code == 401
        for credential in (signed_in, key, access):
            assert chatgpt.refresh(credential).json()["error"] == "invalid_grant"


def test_a_refresh_token_or_code_is_no_access_token(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]
    tokens = chatgpt.exchange(code).json()

    for credential in (code, tokens["refresh_token"], "parley-at-" + tokens["refresh_token"]):
        assert grant_for(credential, api_resource()) is None
    assert chatgpt.refresh(tokens["access_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "spelling", [mcp_resource(), mcp_resource() + "/", mcp_resource().replace("localhost", "LOCALHOST")]
)
def test_a_resource_is_bound_from_consent_to_use(browser: Browser, tool: App, spelling: str) -> None:
    code = browser.allow(tool, resource=spelling, **tool.pkce())["code"]
    tokens = tool.exchange(code, code_verifier=tool.verifier, resource=spelling).json()

    assert grant_for(tokens["access_token"], mcp_resource()) is not None
    assert grant_for(tokens["access_token"], api_resource()) is None
    assert tool.refresh(tokens["refresh_token"], resource=api_resource()).json()["error"] == "invalid_target"
    later = tool.refresh(tokens["refresh_token"]).json()
    assert grant_for(later["access_token"], mcp_resource()) is not None


def test_one_of_two_resources_may_be_asked_for(browser: Browser, tool: App) -> None:
    both = [api_resource(), mcp_resource()]
    code = browser.allow(tool, resource=both, **tool.pkce())["code"]

    tokens = tool.exchange(code, code_verifier=tool.verifier, resource=mcp_resource()).json()
    assert grant_for(tokens["access_token"], api_resource()) is None
    later = tool.refresh(tokens["refresh_token"], resource=both).json()
    for resource in both:
        assert grant_for(later["access_token"], resource) is not None


def test_unconfirmed_and_deactivated_people_let_nobody_in(browser: Browser, access: str, settings: Any) -> None:
    settings.REQUIRE_CONFIRMED_EMAIL = True
    assert grant_for(access, api_resource()) is None
    User.objects.filter(email=browser.email).update(is_email_confirmed=True)
    assert grant_for(access, api_resource()) is not None
    User.objects.filter(email=browser.email).update(is_active=False)
    assert grant_for(access, api_resource()) is None


def test_use_is_noted_at_most_once_a_minute_and_costs_two_queries(browser: Browser, access: str) -> None:
    grant = grant_for(access, api_resource())
    assert grant is not None
    noted = AppGrant.objects.get(pk=grant.id).last_used_at
    assert noted is not None

    with CaptureQueriesContext(connection) as queries:
        grant_for(access, api_resource())
    assert len(queries) == 2
    assert AppGrant.objects.get(pk=grant.id).last_used_at == noted
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        grant_for(access, api_resource())
    assert AppGrant.objects.get(pk=grant.id).last_used_at > noted


def test_what_the_profile_page_needs_is_loaded(access: str, django_assert_num_queries: Callable[[int], Any]) -> None:
    grant = grant_for(access, api_resource())
    assert grant is not None
    with django_assert_num_queries(0):
        assert grant.user.profile.timezone
