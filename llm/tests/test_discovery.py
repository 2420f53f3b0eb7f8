"""What a provider lists and says, asked over real HTTP; what fails is said in words, and no key with it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google import genai
from openai import OpenAI

from llm import discovery
from llm.client.types import Dialect, ProviderConfig
from llm.discovery import Failed, first_words, found_models
from llm.testing import FakeProvider
from llm.testing.server import MODELS

KEY = "sk-that-nobody-may-see"


def config(adapter: Dialect, address: str, key: str = KEY) -> ProviderConfig:
    return ProviderConfig("house", adapter, address, key)


def test_openais_list_is_what_its_client_reads(fake_server: FakeProvider) -> None:
    client = OpenAI(base_url=fake_server.openai_base_url, api_key=KEY)

    found = found_models(config("openai_chat", fake_server.openai_base_url))

    assert found == [each.id for each in client.models.list()] == list(MODELS)


@pytest.mark.filterwarnings("ignore")
def test_geminis_list_is_read_to_its_end_and_has_those_that_write(fake_server: FakeProvider) -> None:
    client = genai.Client(api_key=KEY, http_options={"base_url": fake_server.url, "api_version": "v1beta"})

    found = found_models(config("gemini", fake_server.gemini_base_url))

    assert found == ["gemini-3.5-flash-lite", "gemini-3.8-flash"]
    listed = [str(each.name).removeprefix("models/") for each in client.models.list()]
    assert listed == ["gemini-3.5-flash-lite", "gemini-embedding-2", "gemini-3.8-flash"]


@pytest.mark.parametrize("address", ["", "/"])
def test_an_address_without_its_version_does_too(fake_server: FakeProvider, address: str) -> None:
    assert found_models(config("gemini", fake_server.url + address))


def test_the_demo_has_itself() -> None:
    assert found_models(config("demo", "")) == ["demo"]


def test_a_model_says_a_word(fake_server: FakeProvider) -> None:
    assert first_words(config("openai_chat", fake_server.openai_base_url), "gpt-6-luna")


ANSWERS = {
    "/401": (401, b'{"error": {"message": "wrong key sk-that-nobody-may-see", "code": "invalid_api_key"}}'),
    "/403": (403, b"{}"),
    "/404": (404, b"not found"),
    "/429": (429, b'{"error": {"code": "insufficient_quota"}}'),
    "/500": (500, b"<html>sk-that-nobody-may-see</html>"),
    "/302": (302, b""),
    "/html": (200, b"<html>"),
    "/list": (200, b"[]"),
    "/odd": (200, b'{"data": [1, null, {"id": 3}]}'),
    "/empty": (200, b'{"data": null, "models": 7}'),
    "/large": (200, b'{"data": "' + b"x" * (17 * 2**20) + b'"}'),
}
WORDS = {
    "/401": "does not accept the key", "/403": "does not let this key", "/404": "does not know the address",
    "/429": "quota", "/500": "out of order", "/302": "refused", "/html": "cannot be read", "/list": "cannot be read",
    "/odd": "cannot be read", "/empty": "cannot be read", "/large": "cannot be read",
}  # fmt: skip


class Odd(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("/models")[0].removesuffix("/v1").removesuffix("/v1beta")
        status, body = ANSWERS[path]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/401/models")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("adapter", ["openai_chat", "anthropic", "gemini"])
def test_what_fails_is_said_in_words(odd: str, adapter: Dialect, path: str) -> None:
    if (adapter, path) == ("gemini", "/odd"):
        assert found_models(config(adapter, odd + path)) == []  # that is how Gemini says that there are none
        return
    with pytest.raises(Failed) as caught:
        found_models(config(adapter, odd + path))

    assert WORDS[path] in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("odd_next", [None, True, {}, {"a": 1}, [], ["x"], 7, 1e400, "\0", ""])
def test_so_is_a_next_page_that_is_none(odd: str, monkeypatch: pytest.MonkeyPatch, odd_next: Any) -> None:
    pages = {
        "anthropic": {"data": [{"id": "m"}], "has_more": True, "last_id": odd_next},
        "gemini": {"models": [{"name": "models/m"}], "nextPageToken": odd_next},
    }
    for adapter, page in pages.items():
        monkeypatch.setitem(ANSWERS, "/next", (200, json.dumps(page).encode()))
        with suppress(Failed):
            assert set(found_models(config(adapter, f"{odd}/next"))) == {"m"}


def test_what_a_model_says_can_be_shown(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    delta = {"choices": [{"delta": {"content": "half \ud83d\0"}, "finish_reason": "stop"}]}
    monkeypatch.setitem(ANSWERS, "/half/chat/completions", (200, f"data: {json.dumps(delta)}\n\n".encode()))

    assert first_words(config("openai_chat", f"{odd}/half"), "m") == "half \ufffd\ufffd"


@pytest.mark.parametrize("path", ["/401", "/404", "/500", "/html"])
def test_so_is_what_fails_when_a_model_is_asked(odd: str, path: str) -> None:
    with pytest.raises(Failed) as caught:
        first_words(config("openai_chat", odd + path), "m")

    assert str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9/v1", "Nothing answers"),
        ("http://nowhere.invalid/v1", "not known"),
        ("http://[::1", "refused"),
    ],
)
def test_so_is_an_address_where_nobody_is(address: str, words: str) -> None:
    for ask in (found_models, lambda asked: first_words(asked, "m")):
        with pytest.raises(Failed, match=words):
            ask(config("openai_chat", address))


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LIST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Failed, match="no answer"):
        found_models(config("openai_chat", f"http://127.0.0.1:{silent.getsockname()[1]}/v1"))
