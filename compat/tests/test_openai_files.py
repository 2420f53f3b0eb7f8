"""Pictures and PDFs from the official Python client."""

import base64
import json
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

    asked = json.dumps(fake.requests("openai")[-1]["body"])
    kept = {file["name"]: file["media_type"] for file in alice.get("/api/files/").json()["results"]}
    assert answer.choices[0].finish_reason == "stop"
    assert "data:image/jpeg;base64," in asked
    assert "moss is green" in asked
    assert document["file_data"] not in asked
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


@pytest.mark.parametrize("store", [True, False])
def test_what_cannot_be_read_is_refused_by_name(client: OpenAI, alice: Person, fake: FakeProvider, store: bool) -> None:
    refused = [
        {"type": "image_url", "image_url": {"url": data_url("image/png", data)}}
        for data in (picture()[:200], picture("JPEG")[:100], b"hi", b"<svg/>", pdf("moss"), picture("TIFF"))
    ]
    for part in refused:
        with pytest.raises(openai.BadRequestError) as caught:
            asks(client, part, store=store)
        assert caught.value.param == "messages"
    with pytest.raises(openai.APIStatusError) as other:
        asks(client, {"type": "file", "file": {"file_data": data_url("text/plain", b"PK\3\4\0\xff")}}, store=store)
    assert (other.value.status_code, other.value.param) == (415, "messages")
    assert fake.requests("openai") == []
    assert alice.get("/api/files/").json()["results"] == []


def test_a_prompt_has_a_hundred_files_in_all(client: OpenAI, fake: FakeProvider) -> None:
    image = {"type": "image_url", "image_url": {"url": data_url("image/png", picture())}}
    said: Any = [{"role": "user", "content": [image] * 51}, {"role": "user", "content": [image] * 50}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="openai", messages=said)
    assert caught.value.param == "messages"
    assert fake.requests("openai") == []
