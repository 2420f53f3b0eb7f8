"""OpenAI's own client against the fake's Responses, and what it and we say and read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import openai
import pytest
import pytest_asyncio

from llm.client.types import CitedSource, PromptMessage, RequestedCall, ToolResult
from llm.testing import FakeProvider
from llm.tests.asking import CLOCK, SEARCH, SEARCH_MOON, ask, prompt, running, scripted
from llm.tests.conftest import OPENAI_KEY

pytestmark = pytest.mark.asyncio
MODEL = "gpt-6-luna"
CALLS: list[dict[str, Any]] = [SEARCH_MOON, {"name": "clock"}]
TOOLS: list[Any] = [
    {"type": "function", "name": each.name, "description": each.description, "parameters": each.parameters,
     "strict": False}
    for each in (SEARCH, CLOCK)
]  # fmt: skip
COMMON: dict[str, Any] = {
    "model": MODEL,
    "store": False,
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}


@pytest_asyncio.fixture
async def client(fake: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    client = openai.AsyncOpenAI(api_key=OPENAI_KEY, base_url=fake.openai_base_url, max_retries=0)
    yield client
    await client.close()


async def final(client: openai.AsyncOpenAI, question: str) -> Any:
    """Let the client's own helper put the events together."""
    async with client.responses.stream(input=question, **COMMON) as stream:
        return await stream.get_final_response()


async def test_it_says_the_same(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    said: list[Any] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    given: dict[str, Any] = {**COMMON, "reasoning": {"summary": "auto", "effort": "low"}}
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    stream = await client.responses.create(
        input=[*said, {"role": "user", "content": "And?"}],
        instructions="Be brief.",
        stream=True,
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        tools=TOOLS,
        tool_choice={"type": "function", "name": "clock"},
        parallel_tool_calls=False,
        text={"format": {"type": "json_schema", "name": "x", "schema": schema, "strict": True}},
        **given,
    )
    assert [event async for event in stream][-1].type == "response.completed"

    before = [PromptMessage(each["role"], each["content"]) for each in said]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    params: dict[str, Any] = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "effort": "low", "stop": ["x"]}
    params |= {"tool_choice": {"name": "clock"}, "parallel_tool_calls": False, "response_format": form, "seed": 1}
    asked = prompt("And?", *before, system="Be brief.", **params)
    await ask("responses", replace(asked, tools=(SEARCH, CLOCK)))
    theirs, mine = fake.requests("responses")
    assert mine["body"] == theirs["body"]
    assert (mine["path"], mine["headers"]["authorization"]) == (theirs["path"], theirs["headers"]["authorization"])


@pytest.mark.parametrize("oddities", [[], ["interleaved"], ["phase"]], ids=str)
async def test_it_reads_the_same(fake: FakeProvider, client: openai.AsyncOpenAI, oddities: list[str]) -> None:
    question = scripted(
        reasoning="First.\n\nThen.", text="So it is.", calls=CALLS, chunk=3, oddities=oddities,
        sources=[{"url": "https://a.example/", "title": "A"}],
    )  # fmt: skip
    mine, theirs = await ask("responses", question), await final(client, question)

    thought, message, *calls = theirs.output
    assert "\n\n".join(part.text for part in thought.summary) == mine.reasoning
    assert theirs.output_text == mine.text == "So it is."
    assert [(each.call_id, each.name, each.arguments) for each in calls] == [
        (each.id, each.name, each.arguments) for each in mine.of(RequestedCall)
    ]
    assert [CitedSource(each.url, each.title) for each in message.content[0].annotations] == mine.of(CitedSource)
    assert mine.end is not None
    assert mine.end.usage is not None
    assert (theirs.usage.input_tokens, theirs.usage.output_tokens) == (mine.end.usage.prompt, mine.end.usage.completion)


async def test_it_reads_the_same_ends(client: openai.AsyncOpenAI, fake: FakeProvider) -> None:
    refused = await final(client, scripted(refusal="I cannot."))
    stream = await client.responses.create(input=scripted(text="So", finish="length"), stream=True, **COMMON)
    cut = [event async for event in stream][-1].response  # which the helper does not take for an end

    assert refused.output[0].content[0].refusal == (await ask("responses", scripted(refusal="I cannot."))).text
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    end = (await ask("responses", scripted(text="So", finish="length"))).end
    assert end is not None
    assert end.reason == "length"


async def test_it_sends_a_tool_round_the_same(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    script = scripted(steps=[{"reasoning": "Hm.", "calls": CALLS}, {"text": "Done."}])
    asked: list[Any] = [{"role": "user", "content": script}]
    first = await client.responses.create(input=asked, tools=TOOLS, **COMMON)
    said = [item.model_dump(exclude_none=True) for item in first.output]
    results = [
        {"type": "function_call_output", "call_id": each["call_id"], "output": "ok"}
        for each in said
        if "call_id" in each
    ]
    history: Any = [*asked, *said, *results]
    second = await client.responses.create(input=history, tools=TOOLS, stream=True, **COMMON)
    assert [event async for event in second]

    mine = await ask("responses", script)
    parts = (*mine.parts, *(ToolResult(call.id, call.name, "ok") for call in mine.of(RequestedCall)))
    assert (await ask("responses", running(*parts, script=script, tools=(SEARCH, CLOCK)))).text == "Done."
    assert fake.requests()[-1]["body"] == fake.requests()[1]["body"]


@pytest.mark.parametrize("shape", ["nested_error", "failed_event", ""])
async def test_errors_inside_a_stream(client: openai.AsyncOpenAI, shape: str) -> None:
    """Its client raises for one of the three ways only, and passes the others on."""
    asked = scripted(chunks=["a", "b"], error_after=1, oddities=[shape] if shape else [])
    stream = await client.responses.create(input=asked, stream=True, **COMMON)
    if shape == "nested_error":
        with pytest.raises(openai.APIError):
            assert [event async for event in stream]
    else:
        assert [event async for event in stream][-1].type == ("response.failed" if shape else "error")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, openai.BadRequestError), (401, openai.AuthenticationError), (429, openai.RateLimitError)],
)
async def test_errors_are_the_real_ones(client: openai.AsyncOpenAI, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await final(client, scripted(status=status))
