"""Alice owns an account, Bob another; `api` speaks for a client, `outbox` waits for the mails."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.mail import EmailMessage
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from accounts.security.counters import forget_limiter, limiter
from accounts.tests.oauth_fixtures import apps, browser, browsers, chatgpt, site, tool  # noqa: F401
from common.testing import run_due_tasks

PASSWORD = "correct horse battery"


class Client(APIClient):
    """A browser or program with its cookies and, once signed in, its access token."""

    default_format = "json"

    def send(self, method: str, path: str, body: object) -> Response:
        """Send any JSON, lone surrogates too."""
        return self.generic(method.upper(), path, json.dumps(body), content_type="application/json")

    def sign_in(self, email: str, password: str = PASSWORD) -> Response:
        response = self.post("/api/token/", {"email": email, "password": password})
        if response.status_code == 200:
            self.bear(response.json()["access"])
        return response

    def bear(self, access: str) -> "Client":
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
        return self

    def refresh(self, **headers: Any) -> Response:
        return self.post("/api/token/refresh/", **headers)

    @property
    def cookie(self) -> str:
        return self.cookies["__Secure-refresh"].value

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.cookies["__Secure-refresh"] = value


@pytest.fixture(autouse=True)
def _own_limits(settings: Any, tmp_path: Any) -> Iterator[None]:
    """Count under a prefix of this test alone, and write pictures nowhere else."""
    settings.REDIS_PREFIX = f"test_parley:{uuid.uuid4().hex}"
    settings.MEDIA_ROOT = str(tmp_path)
    forget_limiter()
    yield
    limiter().reset()
    forget_limiter()


@pytest.fixture
def make_client() -> Callable[[], Client]:
    return Client


@pytest.fixture
def api(make_client: Callable[[], Client]) -> Client:
    return make_client()


def _user(name: str) -> User:
    user = User(email=f"{name}@example.com", username=name, is_email_confirmed=True, password=make_password(PASSWORD))
    user.save()
    return user


@pytest.fixture
def alice(db: None) -> User:
    return _user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return _user("bob")


@pytest.fixture
def as_alice(alice: User, make_client: Callable[[], Client]) -> Client:
    client = make_client()
    client.sign_in(alice.email)
    return client


@pytest.fixture
def outbox(transactional_db: None) -> Callable[[], list[EmailMessage]]:
    """Return the mails sent so far, all that were asked for included."""

    def wait() -> list[EmailMessage]:
        run_due_tasks()
        return mail.outbox

    return wait
