"""A real nginx with deploy/nginx/parley.conf."""

import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.deploy.recipes import DEPLOY, replaced
from tests.faults.stores import free_port

CONFIGURATION = DEPLOY / "nginx" / "parley.conf"
HOST = "chat.example.org"
BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
# What the distribution's nginx.conf has around a file of conf.d; folders of its own, so that anybody may run it.
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


class Nginx:
    """The shipped file on free ports, before one address."""

    def __init__(self, folder: Path, upstream: str, static: str) -> None:
        folder.mkdir()
        self.plain_port, self.port, self.folder = free_port(), free_port(), folder
        changes = {
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "/etc/nginx/parley.upstream": f"{folder}/parley.upstream",
            "/etc/ssl/parley/": f"{folder}/",
            "/var/log/nginx/": f"{folder}/",
            "root /srv/parley;": f"root {static};",
        }
        user = "user root;" if os.getuid() == 0 else ""
        block = replaced(CONFIGURATION.read_text(), changes)
        self.upstream = folder / "parley.upstream"
        self.upstream.write_text(f"server {upstream.removeprefix('http://')};\n")
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, block=block, user=user))

    @property
    def command(self) -> list[str]:
        assert BINARY is not None
        return [BINARY, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def __enter__(self) -> "Nginx":
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
             "-keyout", self.folder / "privkey.pem", "-out", self.folder / "fullchain.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
        self._popen = subprocess.Popen(self.command)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._popen.poll() is None, "nginx ended"
            assert time.monotonic() < deadline, "nginx did not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.terminate()
        self._popen.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.plain_port}/").status_code == 301
        except httpx.HTTPError:
            return False

    def client(self, **options: Any) -> httpx.Client:
        """Return a client that reaches the site by its name."""
        url = f"https://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, verify=False, headers={"Host": HOST}, timeout=60, **options)

    def socket(self, path: str, **options: Any) -> ClientConnection:
        """Open a WebSocket as a browser on the site does."""
        import socket

        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.create_connection(("127.0.0.1", self.port))
        return connect(f"wss://{HOST}{path}", sock=raw, ssl=context, origin=f"https://{HOST}", **options)  # type: ignore[arg-type]

    def access_log(self) -> str:
        return (self.folder / "parley.log").read_text()
