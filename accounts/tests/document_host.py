"""A host of client documents on loopback, with a certificate for chatgpt.com."""

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts.oauth.client_documents import DocumentFetcher, Target

HOST = "chatgpt.com"
CLIENT = f"https://{HOST}/oauth/client.json"
REDIRECT = f"https://{HOST}/connector_platform_oauth_redirect"
# As served on 2026-09-21.
CHATGPT: dict[str, Any] = {
    "client_id": CLIENT,
    "client_name": "ChatGPT",
    "client_uri": f"https://{HOST}/",
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
    "token_endpoint_auth_signing_alg": "RS256",
    "jwks_uri": f"https://{HOST}/oauth/jwks.json",
}


def certificate(folder: Path) -> Path:
    """Write a key and a self-signed certificate for the host; return the file of both."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "host.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


class DocumentHost:
    """`document` is what it serves; `asked` the paths so far; `answer` may replace status, headers and body."""

    def __init__(self, folder: Path) -> None:
        self.document: dict[str, Any] = dict(CHATGPT)
        self.asked: list[str] = []
        self.status, self.headers, self.body = 200, {"Content-Type": "application/json"}, b""
        self.dripping, self.closing = False, threading.Event()
        file = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"host": self}))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.fetcher = fetcher_of(self._server.server_port, ssl.create_default_context(cafile=str(file)))

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def fetcher_of(port: int, context: ssl.SSLContext) -> type[DocumentFetcher]:
    """Return the real fetcher, sent to a port on loopback; everything it checks it checks as always."""

    class LoopbackFetcher(DocumentFetcher):
        def target(self, host: str) -> Target:
            return Target(["127.0.0.1"], port, context)

    return LoopbackFetcher


class Handler(BaseHTTPRequestHandler):
    host: DocumentHost

    def do_GET(self) -> None:
        self.host.asked.append(self.path)
        body = self.host.body or json.dumps(self.host.document).encode()
        self.send_response(self.host.status)
        for name, value in self.host.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not self.host.dripping:
            self.wfile.write(body)
            return
        for byte in body:
            if self.host.closing.wait(0.1):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def log_message(self, *_: Any) -> None: ...
