"""A user's chat, file and avatar on a running server, and whether they are there again afterwards."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from tests.deploy.recipes import recipe, replaced
from tests.faults.cluster import ROOT, Cluster, Process
from tests.faults.people import PASSWORD, prompt

Done = subprocess.CompletedProcess[str]
EMAIL = "ada@example.org"


class Contents:
    """What somebody has on a server."""

    def __init__(self, process: Process) -> None:
        with httpx.Client(base_url=process.url, timeout=60) as http:
            answer = http.post("/api/register/", json={"email": EMAIL, "password": PASSWORD})
            http.headers["Authorization"] = f"Bearer {answer.json()['access']}"
            self.chat = http.post("/api/chats/", json={}).json()["id"]
            file = http.post("/api/files/", files={"file": ("poem.txt", b"Roses are red\n" * 100)})
            assert file.status_code == 201, file.text
            body = {"content": prompt("poem", text="Violets are **blue**."), "files": [file.json()["id"]]}
            assert http.post(f"/api/chats/{self.chat}/messages/", json=body).status_code == 201
            drawn = io.BytesIO()
            Image.new("RGB", (64, 64), "red").save(drawn, "PNG")
            assert http.put("/api/profile/avatar/", files={"avatar": ("me.png", drawn.getvalue())}).status_code == 200
        self.file = f"/api/files/{file.json()['id']}/content"
        self.seen = self.read(process)

    def read(self, process: Process) -> dict[str, Any]:
        """Sign in and read everything."""
        with httpx.Client(base_url=process.url, timeout=60) as http:
            answer = http.post("/api/token/", json={"email": EMAIL, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            http.headers["Authorization"] = f"Bearer {answer.json()['access']}"
            avatar = urlsplit(http.get("/api/profile/").json()["avatar"]).path
            return {
                "messages": http.get(f"/api/chats/{self.chat}/messages/").json()["results"],
                "file": http.get(self.file).content,
                "avatar": http.get(avatar).content,
                "found": http.get("/api/search/?q=poem").json()["results"],
                "changes": http.get("/api/changes/").json()["results"],
            }

    def more(self, process: Process) -> int:
        """Send another message; return the status."""
        with httpx.Client(base_url=process.url, timeout=60) as http:
            token = http.post("/api/token/", json={"email": EMAIL, "password": PASSWORD}).json()["access"]
            http.headers["Authorization"] = f"Bearer {token}"
            return http.post(f"/api/chats/{self.chat}/messages/", json={"content": prompt("more")}).status_code


def run(cluster: Cluster, containing: str, changes: dict[str, str], **settings: str) -> "Done":
    """Run a recipe of the page, with this machine's folders in it."""
    script = replaced(recipe("sh", containing), {".venv/bin/python": sys.executable, **changes})
    environment = cluster.environment | settings
    return subprocess.run(["sh", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True)


def start_on(cluster: Cluster, **settings: Any) -> Process:
    (process,) = cluster.start(1, **settings)
    return process


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
