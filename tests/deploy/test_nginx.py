"""nginx with deploy/nginx/parley.conf, as it stands there: nothing is lost, held back or named otherwise."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.urls import resolve
from PIL import Image

from chats.tests.routes import example, routes
from common.view_options import options_of
from llm.testing import FakeProvider
from tests.deploy.nginx import BINARY, CONFIGURATION, HOST, Nginx
from tests.faults.cluster import Cluster, Process
from tests.faults.people import PASSWORD, prompt

pytestmark = pytest.mark.skipif(BINARY is None, reason="nginx is not installed (Debian: apt-get install nginx-light)")
MIB = 2**20


@pytest.fixture
def process(cluster: Callable[..., Cluster], sqlite_url: str, tmp_path: Path) -> Process:
    """Start Parley as the page says, with a proxy in front."""
    made = cluster(
        sqlite_url,
        SITE_URL=f"https://{HOST}",
        ALLOWED_HOSTS=HOST,
        TRUSTED_PROXIES=1,
        SECURE_SSL_REDIRECT="true",
        STATIC_ROOT=tmp_path / "static",
        LOG_LEVEL="DEBUG",
    )
    assert made.manage("collectstatic", "--noinput").returncode == 0
    (process,) = made.start()
    return process


@pytest.fixture
def nginx(process: Process, tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(tmp_path / "nginx", process.url, str(tmp_path)) as running:
        yield running


@pytest.fixture
def http(nginx: Nginx) -> Iterator[httpx.Client]:
    """Return somebody who has registered by way of nginx."""
    with nginx.client() as client:
        answer = client.post("/api/register/", json={"email": "ada@example.org", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        yield client


def new_chat(http: httpx.Client) -> str:
    return f"/api/chats/{http.post('/api/chats/', json={}).json()['id']}"


def test_pages_styles_and_the_way_to_https(nginx: Nginx, http: httpx.Client) -> None:
    plain = httpx.get(f"http://127.0.0.1:{nginx.plain_port}/accounts/sign-in/?a=b", headers={"Host": HOST})
    page = http.get("/accounts/sign-in/")
    style = re.search(r'href="(/static/[^"]+\.css)', page.text)

    assert (plain.status_code, plain.headers["location"]) == (301, f"https://{HOST}/accounts/sign-in/?a=b")
    assert page.status_code == 200
    assert style is not None
    assert http.get(style[1]).headers["content-type"].startswith("text/css")


def test_a_stream_comes_as_it_is_made(http: httpx.Client, provider: FakeProvider) -> None:
    """The provider falls silent after two words: they are here while the reply is still open."""
    chat = new_chat(http)
    content = prompt("piece by piece", chunks=["one ", "two ", "never"], stall_after=2)
    url = f"{chat}/messages/"
    seen = ""
    with http.stream("POST", url, json={"content": content}, headers={"Accept": "text/event-stream"}) as stream:
        for piece in stream.iter_text():
            seen += piece
            if "two" in seen:
                break
        reply = http.get(url).json()["results"][-1]
        assert reply["state"] == "streaming"
        assert http.post(f"{chat}/stop/").status_code == 200


def test_a_socket_is_let_through(nginx: Nginx, http: httpx.Client) -> None:
    chat = new_chat(http)
    token = http.headers["Authorization"].removeprefix("Bearer ")
    with nginx.socket("/ws/chats/") as socket:
        socket.send(json.dumps({"type": "auth", "token": token}))
        ready = json.loads(socket.recv(timeout=20))
        frame = {"type": "send", "chat": chat.split("/")[-1], "content": prompt("ws", text="Hi")}
        socket.send(json.dumps(frame))
        frames = [ready]
        while frames[-1]["type"] not in ("end", "error"):
            frames.append(json.loads(socket.recv(timeout=20)))

    assert "error" not in {frame["type"] for frame in frames}


def documented_limit(path: str) -> int:
    """Return how many bytes the file lets through to a path: that of the first expression that fits."""
    block = CONFIGURATION.read_text()
    (otherwise,) = re.findall(r"^    client_max_body_size (\w+);", block, re.MULTILINE)
    exceptions = re.findall(r"location ~ (\S+) {\s+client_max_body_size (\w+);", block)
    number = next((size for expression, size in exceptions if re.search(expression, path)), otherwise)
    return int(number[:-1]) * {"k": 1024, "m": MIB}[number[-1]]


@pytest.mark.parametrize("path", sorted({example(each.path) for each in routes() if each.view.__name__ != "missing"}))
def test_the_documented_sizes_are_those_of_the_settings(path: str) -> None:
    """Where Parley takes less than it usually does, it says so itself."""
    most = getattr(settings, options_of(resolve(path).func).max_body)
    assert documented_limit(path) == max(most, settings.MAX_BODY_BYTES)


def test_what_parley_takes_nginx_takes(http: httpx.Client) -> None:
    """Up to the limit it is Parley that answers, beyond it nginx in Parley's words."""
    doors = {"/v1/chat/completions": settings.MAX_CHAT_BODY_BYTES, "/api/chats/": settings.MAX_BODY_BYTES}
    for path, size in doors.items():
        taken, refused = (
            http.post(path, content=b"x" * count, headers={"Content-Type": "application/json"})
            for count in (size, size + 1)
        )
        assert taken.status_code in (400, 401)
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
        assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_picture_is_taken_up(http: httpx.Client) -> None:
    drawn = io.BytesIO()
    Image.effect_noise((1900, 1900), 90).save(drawn, "PNG")
    answer = http.put("/api/profile/avatar/", files={"avatar": ("me.png", drawn.getvalue(), "image/png")})

    assert drawn.tell() > 2 * MIB
    assert answer.status_code == 200, answer.text
    assert http.get(urlsplit(answer.json()["avatar"]).path).status_code == 200


def test_one_name_in_both_logs(nginx: Nginx, http: httpx.Client, process: Process) -> None:
    """The request's name is nginx's; the runner of its reply, which outlives the request, logs under it too."""
    answer = http.post(f"{new_chat(http)}/messages/", json={"content": prompt("names", status=400)})
    name = answer.headers["X-Request-ID"]

    assert answer.json()["correlation_id"] == name
    assert f" {name}\n" in nginx.access_log()
    assert re.search(rf"parley\.turns \[{name}\] turn", process.tail())


def test_a_killed_process_is_a_502_and_comes_back(nginx: Nginx, http: httpx.Client, process: Process) -> None:
    chat = new_chat(http)
    process.kill()
    away = http.get(f"{chat}/")
    process.start()
    process.wait_ready()

    assert away.status_code == 502
    assert http.get(f"{chat}/").status_code == 200
