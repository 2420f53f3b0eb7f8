"""Pictures and PDFs from the real clients: `data:` URLs of `useChat`, and of OpenAI's node client."""

import base64
import json
from typing import Any

import pytest

from conftest import Person
from files.tests.conftest import pdf, picture, stored
from llm.testing import FakeProvider
from tests.clients.conftest import Start, history
from tests.clients.test_ai_sdk import every_kind
from tests.clients.test_openai_node import Call, call

__all__ = ["call", "stored"]
pytestmark = pytest.mark.usefixtures("stored")


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


PICTURE, DOCUMENT = data_url("image/png", picture()), data_url("application/pdf", pdf("moss is green"))


def asked(fake: FakeProvider) -> str:
    return json.dumps(fake.requests("openai")[-1]["body"])


@every_kind
def test_use_chat_asks_about_a_picture_and_a_pdf(kind: str, start: Start, alice: Person, fake: FakeProvider) -> None:
    chat = start(kind, alice).chat()
    files = [
        {"type": "file", "mediaType": "image/png", "filename": "cat.png", "url": PICTURE},
        {"type": "file", "mediaType": "application/pdf", "filename": "moss.pdf", "url": DOCUMENT},
    ]

    chat.say("What is this?", files=files)

    assert "moss is green" in asked(fake)
    assert "data:image/jpeg;base64," in asked(fake)
    shown = [part for part in history(alice, chat.id)[0]["parts"] if part["type"] == "file"]
    assert [(part["filename"], part["mediaType"]) for part in shown] == [
        ("cat.png", "image/png"),
        ("moss.pdf", "application/pdf"),
    ]
    assert alice.get(shown[0]["url"]).content == picture()


@every_kind
def test_a_chat_with_files_goes_on_after_a_reload(
    kind: str, start: Start, alice: Person, bob: Person, fake: FakeProvider
) -> None:
    chat = start(kind, alice).chat()
    chat.say("What?", files=[{"type": "file", "mediaType": "image/png", "filename": "cat.png", "url": PICTURE}])
    [file] = [part for part in history(alice, chat.id)[0]["parts"] if part["type"] == "file"]

    again = start(kind, alice).chat(id=chat.id, messages=history(alice, chat.id))
    again.say("And once more", files=[file])

    assert asked(fake).count("data:image/jpeg;base64,") == 2
    stranger = start(kind, bob).chat()
    stranger.send("Mine?", files=[file])
    assert "file" in stranger.wait("error")["error"]


@pytest.mark.parametrize("store", [True, False])
def test_openais_node_client_sends_both(call: Call, alice: Person, fake: FakeProvider, store: bool) -> None:
    content: Any = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "file", "file": {"filename": "moss.pdf", "file_data": DOCUMENT}},
    ]
    answer = call("complete", content, store=store)

    assert "choices" in answer.get("value", {}), answer
    assert len(alice.get("/api/files/").json()["results"]) == (2 if store else 0)
    assert "data:image/jpeg;base64," in asked(fake)
    assert "moss is green" in asked(fake)
