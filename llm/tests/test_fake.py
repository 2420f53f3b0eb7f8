"""The fake provider by hand: started as a command, scripted and read over HTTP."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from llm.testing import FakeProvider, Script

pytestmark = pytest.mark.asyncio
QUESTION: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


@pytest_asyncio.fixture
async def client(fake: FakeProvider) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(fake.url) as session:
        yield session


async def test_a_queued_script_serves_the_next_request_only(client: aiohttp.ClientSession) -> None:
    await client.post("/_script", json={"status": 429, "retry_after": 2})

    first = await client.post("/v1/chat/completions", json=QUESTION)
    second = await client.post("/v1/chat/completions", json=QUESTION)

    assert (first.status, first.headers["Retry-After"], second.status) == (429, "2", 200)


async def test_requests_are_recorded_without_keys(client: aiohttp.ClientSession) -> None:
    await client.post("/v1/chat/completions", json=QUESTION, headers={"Authorization": "Bearer sk-secret"})

    record = (await (await client.get("/_requests")).json())["requests"][0]

    assert (record["vendor"], record["path"], record["finished"]) == ("openai", "/v1/chat/completions", True)
    assert record["body"] == QUESTION
    assert "sk-secret" not in str(record)
    assert record["headers"]["authorization"].startswith("Bearer sha256:")
    assert (await client.delete("/_requests")).status == 204
    assert (await (await client.get("/_requests")).json())["requests"] == []
    assert (await (await client.get("/_open")).json()) == {"open": 0}


@pytest.mark.parametrize(
    "script", [{"sise": 3}, {"oddities": ["none"]}, 7, {"calls": [{"nam": "x"}]}, {"steps": [{"sise": 3}]}]
)
async def test_a_misspelt_script_is_refused(client: aiohttp.ClientSession, script: object) -> None:
    assert (await client.post("/_script", json=script)).status == 400


async def test_a_request_without_messages_is_bad(client: aiohttp.ClientSession) -> None:
    assert (await client.post("/v1/chat/completions", json={"model": "m"})).status == 400


async def test_pseudo_text_has_the_size_asked_for() -> None:
    deltas = Script(size=1000, chunk=7).deltas("")

    assert len("".join(deltas)) == 1000
    assert {len(each) for each in deltas[:-1]} == {7}


async def test_calls_without_steps_are_made_once() -> None:
    script = Script.from_json({"calls": [{"name": "clock"}], "text": "Here."})

    assert [call.name for call in script.at(0).calls] == ["clock"]
    assert (script.at(1).calls, script.at(1).deltas("")) == ((), ("Here.",))


async def test_the_last_step_answers_all_further_rounds() -> None:
    script = Script.from_json({"delay": 1, "steps": [{"text": "one"}, {"text": "two", "delay": 2}]})

    assert [(each.text, each.delay) for each in map(script.at, range(4))] == [("one", 1), *[("two", 2)] * 3]


async def test_queued_steps_serve_as_many_requests(client: aiohttp.ClientSession) -> None:
    await client.post("/_script", json={"steps": [{"text": "one"}, {"text": "two"}]})
    results = [
        {
            "role": "assistant",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "ok"},
    ]
    for more, text in (([], "one"), (results, "two"), ([], "You said")):
        body = {**QUESTION, "messages": [*QUESTION["messages"], *more]}
        answer = await (await client.post("/v1/chat/completions", json=body)).json()
        assert answer["choices"][0]["message"]["content"].startswith(text)


async def test_it_runs_as_a_command() -> None:
    command = (sys.executable, "-m", "llm.testing", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        hello = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        url = re.search(r"http://127\.0\.0\.1:\d+", hello)
        assert url is not None
        async with aiohttp.ClientSession() as session, session.get(f"{url[0]}/v1/models") as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        await process.wait()
