"""Pictures and PDFs from the official Python client."""

import base64
from typing import Any

import openai
import pytest
from openai import OpenAI

from compat.tests.test_openai import client, key
from conftest import Person
from files.tests.conftest import pdf, picture, stored, upload
from llm.testing import FakeProvider

__all__ = ["client", "key", "stored"]
pytestmark = pytest.mark.usefixtures("stored")


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def asks(client: OpenAI, *parts: Any, **options: Any) -> Any:
    content = [{"type": "text", "text": "What is this?"}, *parts]
    return client.chat.completions.create(model="openai", messages=[{"role": "user", "content": content}], **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("store", [True, False])
def test_both_in_one_message(client: OpenAI, alice: Person, fake: FakeProvider, store: bool) -> None:
    image = {"type": "image_url", "image_url": {"url": data_url("image/png", picture())}}
    document = {"filename": "moss.pdf", "file_data": data_url("application/pdf", pdf("moss is green"))}
    answer = asks(client, image, {"type": "file", "file": document}, store=store)

    asked = str(fake.requests("openai")[-1]["body"])
    kept = {file["name"]: file["media_type"] for file in alice.get("/api/files/").json()["results"]}
    assert answer.choices[0].finish_reason == "stop"
    assert image["image_url"]["url"] in asked  # type: ignore[index]
    assert document["file_data"] in asked
    assert sorted(kept.values()) == (["application/pdf", "image/png"] if store else [])


@pytest.mark.parametrize("store", [True, False])
def test_no_address_and_no_id_is_followed(client: OpenAI, alice: Person, bob: Person, store: bool) -> None:
    file = upload(bob, picture()).json()
    url = file["url"]
    parts = [
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "image_url", "image_url": {"url": f"https://testserver{url}"}},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file": {"file_id": file["id"]}},
        {"type": "file", "file": {"file_data": url, "filename": "a.png"}},
    ]
    for part in parts:
        with pytest.raises(openai.BadRequestError):
            asks(client, part, store=store)
