"""A provider on loopback: Google's token endpoint and GitHub's three addresses, with PKCE checked."""

import hashlib
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt

CLIENT = {"google": ("google-id", "google-secret"), "github": ("github-id", "github-secret")}


class FakeOAuth:
    """`grant` plays the person who agrees; `asked` is what the server has sent since."""

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.broken = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def grant(self, challenge: str, redirect_uri: str, claims: Any) -> str:
        """Return a code for what is known of somebody: Google's claims, or GitHub's list of addresses."""
        code = secrets.token_hex(8)
        self.codes[code] = (challenge, redirect_uri, claims)
        return code

    def token(self, provider: str, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(form)
        if self.broken or form["code"] not in self.codes:
            return 400, {"error": "bad_verification_code"}
        challenge, redirect_uri, claims = self.codes[form["code"]]
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        assert (form["client_id"], form["client_secret"]) == CLIENT[provider]
        assert (form["redirect_uri"], form["grant_type"]) == (redirect_uri, "authorization_code")
        answer = {"access_token": form["code"], "token_type": "bearer"}
        if provider == "google":
            answer["id_token"] = id_token(claims)
        return 200, answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def id_token(claims: dict[str, Any]) -> str:
    now = int(time.time())
    fixed = {"iss": "https://accounts.google.com", "aud": "google-id", "iat": now, "exp": now + 600, "sub": "117"}
    return jwt.encode({**fixed, **claims}, "x" * 32, "HS256")


class Handler(BaseHTTPRequestHandler):
    fake: FakeOAuth

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*self.fake.token("google" if self.path.startswith("/google") else "github", form))

    def do_GET(self) -> None:
        _, _, addresses = self.fake.codes[self.headers["Authorization"].removeprefix("token ")]
        if self.path == "/api/v3/user":
            self._answer(200, {"id": 583231, "login": "octocat", "name": "Octo Cat", "email": "public@example.org"})
        else:
            assert self.path == "/api/v3/user/emails"
            self._answer(200, addresses)

    def _answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...
