"""ChatGPT as the client of an action, a person with a browser, and an MCP client: what each sends, to the letter."""

import base64
import hashlib
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from django.core.management import call_command
from oauth2_provider.models import Application

GPT = "g-4f1c0ffee"
CALLBACKS = [f"https://{host}/aip/{GPT}/oauth/callback" for host in ("chatgpt.com", "chat.openai.com")]
PASSWORD = "correct horse battery 9"


class Browser:
    """A person who has an account, or registers one, and reads our pages."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, headers={"Accept": "text/html"})
        self.email = f"b{uuid.uuid4().hex[:12]}@example.org"

    def fields(self, page: httpx.Response, action: str = "") -> dict[str, str]:
        forms = re.findall(r"<form\b[^>]*>.*?</form>", page.text, re.DOTALL)
        form = next(form for form in forms if action in form.partition(">")[0] and 'class="link"' not in form)
        found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
        return {name: unescape(value) for name, value in found}

    def submit(self, page: httpx.Response, address: str, **values: str) -> httpx.Response:
        """Send the page's form with its CSRF token."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text
        return self.http.post(address, data={"csrfmiddlewaretoken": token[1], **values})

    def register(self) -> "Browser":
        page = self.http.get("/accounts/register/")
        answer = self.submit(page, "/accounts/register/", email=self.email, password=PASSWORD)
        assert answer.status_code == 302, answer.text
        return self

    def open(self, app: "App", **changes: Any) -> httpx.Response:
        return self.http.get("/oauth/authorize/", params=app.request(**changes))

    def decide(self, page: httpx.Response, answer: str) -> httpx.Response:
        """Press a button of the consent page."""
        address = re.search(r'<form method="post" action="([^"]+)" class="consent">', page.text)
        assert address, page.text
        return self.submit(page, unescape(address[1]), answer=answer)

    def allow(self, app: "App", **changes: Any) -> dict[str, str]:
        """Let an app in and return what it is sent."""
        answer = self.decide(self.open(app, **changes), "allow")
        assert answer.status_code == 302, answer.text
        return sent_back(answer)


def sent_back(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect to an app."""
    query = parse_qs(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


class App:
    """An OAuth client: ChatGPT's action unless told otherwise. `basic`: the secret goes into the header."""

    def __init__(self, url: str, client_id: str, secret: str = "", redirect: str = CALLBACKS[0], basic: bool = False):
        self.http = httpx.Client(base_url=url, timeout=30)
        self.client_id, self.secret, self.redirect, self.basic = client_id, secret, redirect, basic
        self.state = secrets.token_urlsafe(12) + "+/=&"
        self.verifier = secrets.token_urlsafe(48)

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of an authorisation request as ChatGPT sends them; None leaves one out."""
        usual = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect,
                 "state": self.state, "scope": ""}  # fmt: skip
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def pkce(self) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return {"code_challenge": challenge, "code_challenge_method": "S256"}

    def post(self, address: str, form: dict[str, Any], **options: Any) -> httpx.Response:
        if self.basic:
            options.setdefault("auth", (self.client_id, self.secret))
        else:
            form = {"client_id": self.client_id, **({"client_secret": self.secret} if self.secret else {}), **form}
        form = {name: value for name, value in form.items() if value is not None}
        return self.http.post(address, data=form, **options)

    def exchange(self, code: str, /, **changes: Any) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect}
        return self.post("/oauth/token/", {**form, **changes})

    def refresh(self, token: str, /, **changes: Any) -> httpx.Response:
        return self.post("/oauth/token/", {"grant_type": "refresh_token", "refresh_token": token, **changes})

    def revoke(self, token: str, /, **changes: Any) -> httpx.Response:
        return self.post("/oauth/revoke/", {"token": token, **changes})


def gpt_action(**options: Any) -> tuple[Any, str]:
    """Make ChatGPT's client with the command; return it and its secret."""
    printed = Printed()
    call_command(
        "create_gpt_action", name=f"GPT {uuid.uuid4().hex[:8]}", gpt_id=GPT, stdout=printed, stderr=printed, **options
    )
    found = re.search(r"Client ID: +(\S+)\n +Client Secret: +(\S+)", printed.text)
    assert found
    return Application.objects.get(client_id=found[1]), found[2]


class Printed:
    """Takes what a command prints."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def isatty(self) -> bool:
        return False

    def flush(self) -> None: ...


def public_client(*redirects: str) -> Any:
    """Make a public client, as a tool on somebody's own machine is."""
    return Application.objects.create(
        name="Notes tool", client_type="public", authorization_grant_type="authorization-code",
        redirect_uris=" ".join(redirects), client_secret="", client_id=f"tool-{uuid.uuid4().hex}",
    )  # fmt: skip


@contextmanager
def moved(**settings: Any) -> Iterator[None]:
    """Change keys of OAUTH2_PROVIDER for a while."""
    from django.conf import settings as now
    from django.test import override_settings

    with override_settings(OAUTH2_PROVIDER={**now.OAUTH2_PROVIDER, **settings}):
        yield
