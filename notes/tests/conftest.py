"""What tests of notes need: browsers that are signed in, and connected apps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import ACCESS_PREFIX, api_resource
from common.ids import uuid7
from conftest import Person
from notes.tests.mcp_callers import callers  # noqa: F401

App = Callable[..., httpx.Client]


@pytest.fixture
def app(live: str) -> Iterator[App]:
    """Return a maker of apps that somebody has let in with some scopes."""
    stack = ExitStack()

    def make(person: Person, *scopes: str) -> httpx.Client:
        name, later = uuid7().hex, timezone.now() + timedelta(hours=1)
        user = User.objects.get(pk=person.id)
        client = Application.objects.create(
            name="GPT",
            client_id=name,
            client_type="confidential",
            authorization_grant_type="authorization-code",
            redirect_uris="https://chatgpt.com/aip/g-x/oauth/callback",
        )
        grant = AppGrant.objects.create(
            user=user,
            application=client,
            scopes=list(scopes),
            resources=[api_resource()],
            code_hash=name,
            code_used_at=timezone.now(),
            expires_at=later,
        )
        values = {"user": user, "application": client}
        access = AccessToken.objects.create(
            token=f"{ACCESS_PREFIX}{name}", expires=later, scope=" ".join(scopes), resource=[api_resource()], **values
        )
        RefreshToken.objects.create(token=f"parley-rt-{name}", access_token=access, token_family=grant.pk, **values)
        headers = {"Authorization": f"Bearer {ACCESS_PREFIX}{name}"}
        return stack.enter_context(httpx.Client(base_url=live, headers=headers, timeout=30))

    with stack:
        yield make


@pytest.fixture
def sign_in() -> Callable[[Person], Client]:
    """Return a maker of browsers that are signed in to the pages."""

    def make(person: Person) -> Client:
        browser = Client()
        browser.force_login(User.objects.get(pk=person.id), "accounts.backends.EmailBackend")
        return browser

    return make
