"""Anthropic's own client against the fake, and what it and we say and read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anthropic
import pytest
import pytest_asyncio

from llm.client.types import CitedSource, PromptMessage, RequestedCall, ToolResult
from llm.testing import FakeProvider
from llm.tests.asking import CLOCK, SEARCH, SEARCH_MOON, ask, prompt, running, scripted
from llm.tests.conftest import ANTHROPIC_KEY

pytestmark = pytest.mark.asyncio
CALLS: list[dict[str, Any]] = [SEARCH_MOON, {"name": "clock"}]
TOOLS: list[Any] = [
    {"name": each.name, "description": each.description, "input_schema": each.parameters} for each in (SEARCH, CLOCK)
]
COMMON: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 32_000,
    "thinking": {"type": "adaptive", "display": "summarized"},
}


@pytest_asyncio.fixture
async def client(fake: FakeProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    client = anthropic.AsyncAnthropic(
        api_key=ANTHROPIC_KEY,
        base_url=fake.anthropic_base_url,
        max_retries=0,
        default_headers={"anthropic-version": "2023-06-01"},
    )
    yield client
    await client.close()


async def final(client: anthropic.AsyncAnthropic, question: str, **more: Any) -> Any:
    """Let the client's own helper put the events together."""
    asked: list[Any] = [{"role": "user", "content": question}]
    async with client.messages.stream(**{"messages": asked, **COMMON, **more}) as stream:
        return await stream.get_final_message()


async def test_it_says_the_same(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    said: list[Any] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    given: dict[str, Any] = {**COMMON, "max_tokens": 9}
    await final(
        client,
        "",
        messages=[*said, {"role": "user", "content": "And?"}],
        system="Be brief.",
        stop_sequences=["END"],
        tools=TOOLS,
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}},
        **given,
    )

    before = [PromptMessage(each["role"], each["content"]) for each in said]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    params: dict[str, Any] = {"max_tokens": 9, "effort": "minimal", "stop": ["END"], "seed": 3, "temperature": 0.5}
    params |= {"parallel_tool_calls": False, "response_format": form}
    asked = prompt("And?", *before, system="Be brief.", **params)
    await ask("anthropic", replace(asked, tools=(SEARCH, CLOCK)))
    theirs, mine = fake.requests("anthropic")
    assert mine["body"] == theirs["body"]
    assert mine["path"] == theirs["path"]
    assert mine["headers"]["anthropic-version"] == theirs["headers"]["anthropic-version"]
    # Since its second version the client sends the key as a bearer's, which the older name goes on to mean.
    assert theirs["headers"]["authorization"] == f"Bearer {mine['headers']['x-api-key']}"
    assert ANTHROPIC_KEY not in str(mine)


async def test_it_reads_the_same(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    question = scripted(
        reasoning="Let me think.", text="So it is.", calls=CALLS, chunk=3, oddities=["redacted_thinking"],
        sources=[{"url": "https://a.example/", "title": "A"}],
    )  # fmt: skip
    mine, theirs = await ask("anthropic", question), await final(client, question)

    thought, _, text, *calls = theirs.content
    assert (thought.thinking, text.text) == (mine.reasoning, mine.text) == ("Let me think.", "So it is.")
    assert [(each.name, each.input) for each in calls] == mine.calls
    assert [each.id for each in calls] == [each.id for each in mine.of(RequestedCall)]
    assert [CitedSource(each.url, each.title) for each in text.citations] == mine.of(CitedSource)
    assert mine.end is not None
    assert mine.end.usage is not None
    assert (theirs.usage.input_tokens, theirs.usage.output_tokens) == (mine.end.usage.prompt, mine.end.usage.completion)
    assert (theirs.stop_reason, mine.end.reason) == ("tool_use", "tool_calls")


async def test_it_reads_the_same_ends(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    refused = await final(client, scripted(refusal="I cannot."))
    cut = await final(client, scripted(text="So", finish="length"))

    assert (refused.stop_reason, refused.stop_details.explanation) == ("refusal", "I cannot.")
    assert refused.content[0].text == (await ask("anthropic", scripted(refusal="I cannot."))).text
    assert cut.stop_reason == "max_tokens"


async def test_it_sends_a_tool_round_the_same(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    script = scripted(steps=[{"reasoning": "Hm.", "text": "So:", "calls": CALLS}, {"text": "Done."}])
    first = await final(client, script, tools=TOOLS)
    said = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in first.content]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "ok"} for block in said if "input" in block
    ]
    history = [
        {"role": "user", "content": script},
        {"role": "assistant", "content": said},
        {"role": "user", "content": results},
    ]
    assert (await final(client, "", tools=TOOLS, messages=history)).content[0].text == "Done."

    mine = await ask("anthropic", script)
    parts = (*mine.parts, *(ToolResult(call.id, call.name, "ok") for call in mine.of(RequestedCall)))
    assert (await ask("anthropic", running(*parts, script=script, tools=(SEARCH, CLOCK)))).text == "Done."
    assert fake.requests()[-1]["body"] == fake.requests()[1]["body"]


async def test_without_a_stream(client: anthropic.AsyncAnthropic) -> None:
    asked: list[Any] = [{"role": "user", "content": scripted(text="Whole.", calls=CALLS)}]
    answer = await client.messages.create(messages=asked, **{**COMMON, "max_tokens": 999})

    text, *calls = answer.content
    assert text.type == "text"
    assert text.text == "Whole."
    assert [each.type for each in calls] == ["tool_use", "tool_use"]


async def test_an_error_inside_a_stream(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError):
        await final(client, scripted(chunks=["a", "b"], error_after=1, error_code="overloaded_error"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (529, anthropic.InternalServerError),
    ],
)
async def test_errors_are_the_real_ones(
    client: anthropic.AsyncAnthropic, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(kind):
        await final(client, scripted(status=status))


async def test_the_newer_version_refuses_sampling(fake: FakeProvider) -> None:
    async with anthropic.AsyncAnthropic(api_key="k", base_url=fake.anthropic_base_url, max_retries=0) as client:
        asked: list[Any] = [{"role": "user", "content": "Hi"}]
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.create(model="m", max_tokens=9, messages=asked, extra_body={"temperature": 0.5})
