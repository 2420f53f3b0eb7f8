"""The official clients prove the fake, and by it that we say on the wire what they say."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from llm.client.types import PromptMessage, RequestedCall, ToolResult
from llm.testing import FakeProvider
from llm.tests.asking import CLOCK, SEARCH, SEARCH_MOON, ask, prompt, running, scripted
from llm.tests.conftest import GEMINI_KEY, OPENAI_KEY

pytestmark = [
    pytest.mark.asyncio,
    # google-genai subclasses aiohttp's session, which aiohttp does not like.
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
]
QUESTION = "And in two lines?\n日本語"
BEFORE = PromptMessage("user", "Say hello"), PromptMessage("assistant", "Hello!")
SYSTEM = "Be brief."


@pytest_asyncio.fixture
async def openai_client(fake: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    client = openai.AsyncOpenAI(api_key=OPENAI_KEY, base_url=fake.openai_base_url, max_retries=0)
    yield client
    await client.close()


@pytest_asyncio.fixture
async def gemini_client(fake: FakeProvider) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(base_url=fake.url, api_version="v1beta")
    client = genai.Client(api_key=GEMINI_KEY, http_options=options)
    yield client
    await client.aio.aclose()
    client.close()


def openai_messages(question: str) -> list[Any]:
    return [
        {"role": "system", "content": SYSTEM},
        *({"role": each.role, "content": each.text} for each in BEFORE),
        {"role": "user", "content": question},
    ]


async def openai_text(client: openai.AsyncOpenAI, question: str) -> str:
    stream = await client.chat.completions.create(
        model="gpt-6-luna",
        messages=openai_messages(question),
        stream=True,
        stream_options={"include_usage": True},
        max_completion_tokens=9,
        temperature=0.5,
        top_p=0.9,
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-2].choices[0].finish_reason == "stop"
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


async def gemini_text(client: genai.Client, question: str) -> str:
    contents: list[Any] = [
        types.Content(role="user", parts=[types.Part(text="Say hello")]),
        types.Content(role="model", parts=[types.Part(text="Hello!")]),
        types.Content(role="user", parts=[types.Part(text=question)]),
    ]
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    stream = await client.aio.models.generate_content_stream(
        model="gemini-3.5-flash-lite", contents=contents, config=config
    )
    return "".join([chunk.text or "" async for chunk in stream])


async def ours(vendor: str) -> str:
    asked = prompt(QUESTION, *BEFORE, system=SYSTEM, max_tokens=9, temperature=0.5, top_p=0.9)
    return (await ask(vendor, asked)).text


async def test_openai_says_and_reads_the_same(fake: FakeProvider, openai_client: openai.AsyncOpenAI) -> None:
    assert await openai_text(openai_client, QUESTION) == await ours("openai")

    theirs, mine = fake.requests("openai")
    assert mine["body"] == theirs["body"]
    assert mine["path"] == theirs["path"]
    assert mine["headers"]["authorization"] == theirs["headers"]["authorization"]
    assert OPENAI_KEY not in str(mine)


async def test_gemini_says_and_reads_the_same(fake: FakeProvider, gemini_client: genai.Client) -> None:
    assert await gemini_text(gemini_client, QUESTION) == await ours("gemini")

    theirs, mine = fake.requests("gemini")
    assert mine["body"] == spelt(theirs["body"])
    assert mine["path"] == theirs["path"]
    assert mine["headers"]["x-goog-api-key"] == theirs["headers"]["x-goog-api-key"]
    assert GEMINI_KEY not in str(mine)


@pytest.mark.parametrize("suffix", ["", "/", "/v1beta", "/v1beta/"])
async def test_gemini_addresses_with_and_without_version(fake: FakeProvider, settings: Any, suffix: str) -> None:
    settings.GEMINI_BASE_URL = fake.url + suffix

    await ask("gemini", "Hello")

    assert fake.requests()[0]["path"].startswith("/v1beta/models/")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_openai_errors_are_the_real_ones(
    openai_client: openai.AsyncOpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    with pytest.raises(kind) as caught:
        await openai_text(openai_client, scripted(status=status))

    assert caught.value.request_id == "req_fake"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, genai_errors.ClientError),
        (429, genai_errors.ClientError),
        (503, genai_errors.ServerError),
    ],
)
async def test_gemini_errors_are_the_real_ones(
    gemini_client: genai.Client, status: int, kind: type[genai_errors.APIError]
) -> None:
    with pytest.raises(kind) as caught:
        await gemini_text(gemini_client, scripted(status=status))

    assert caught.value.code == status


async def test_openai_reads_an_error_inside_a_stream(openai_client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.APIError):
        await openai_text(openai_client, scripted(error_after=1))


async def test_gemini_reads_an_error_inside_a_stream(gemini_client: genai.Client) -> None:
    with pytest.raises(genai_errors.ServerError):
        await gemini_text(gemini_client, scripted(error_after=1))


async def test_openai_without_a_stream(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(
        model="gpt-6-luna", messages=openai_messages(scripted(text="Whole."))
    )

    assert answer.choices[0].message.content == "Whole."
    assert answer.usage is not None
    assert answer.usage.total_tokens > 1


async def test_gemini_without_a_stream(gemini_client: genai.Client) -> None:
    answer = await gemini_client.aio.models.generate_content(
        model="gemini-3.5-flash-lite", contents=scripted(text="Whole.")
    )

    assert answer.text == "Whole."


async def test_openai_lists_models(openai_client: openai.AsyncOpenAI) -> None:
    assert "gpt-6-luna" in [model.id async for model in openai_client.models.list()]
    with pytest.raises(openai.NotFoundError):
        await openai_client.models.retrieve("gone")


CALLS: list[dict[str, Any]] = [SEARCH_MOON, {"name": "clock"}]
# Those that openai-python's own helper survives.
FINE_SHAPES: list[list[str]] = [[], ["interleaved"], ["no_type"], ["finish_stop"]]
OPENAI_TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": each.name, "description": each.description, "parameters": each.parameters},
    }
    for each in (SEARCH, CLOCK)
]


@pytest.mark.parametrize("shape", FINE_SHAPES, ids=str)
async def test_openai_reads_the_same_calls(
    fake: FakeProvider, openai_client: openai.AsyncOpenAI, shape: list[str]
) -> None:
    question = scripted(text="So:", calls=CALLS, chunk=3, oddities=shape)
    mine = await ask("openai", question)

    async with openai_client.chat.completions.stream(
        model="gpt-6-luna", messages=[{"role": "user", "content": question}]
    ) as stream:
        answer = (await stream.get_final_completion()).choices[0].message

    theirs = [(call.id, call.function.name, call.function.arguments) for call in answer.tool_calls or ()]
    assert [(call.id, call.name, call.arguments) for call in mine.of(RequestedCall)] == theirs
    assert answer.content == mine.text


async def test_openai_sends_a_tool_round_the_same(fake: FakeProvider, openai_client: openai.AsyncOpenAI) -> None:
    script = scripted(steps=[{"text": "So:", "calls": CALLS}, {"text": "Done."}])
    asked: list[Any] = [{"role": "user", "content": script}]
    first = await openai_client.chat.completions.create(model="gpt-6-luna", messages=asked, tools=OPENAI_TOOLS)
    said = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in said.tool_calls or ()]
    history = [*asked, said.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}), *results]
    second = await openai_client.chat.completions.create(
        model="gpt-6-luna", messages=history, tools=OPENAI_TOOLS, stream=True, stream_options={"include_usage": True}
    )
    assert [chunk async for chunk in second]

    mine = await ask("openai", script)
    parts = (*mine.parts, *(ToolResult(call.id, call.name, "ok") for call in mine.of(RequestedCall)))
    assert (await ask("openai", running(*parts, script=script, tools=(SEARCH, CLOCK)))).text == "Done."
    assert fake.requests()[-1]["body"] == fake.requests()[1]["body"]


def spelt(body: Any) -> Any:
    """Write the few names that the client leaves as Python spells them, which Google's JSON takes, too."""
    text = json.dumps(body).replace("parameters_json_schema", "parametersJsonSchema")
    return json.loads(text.replace("include_thoughts", "includeThoughts"))


def gemini_config() -> types.GenerateContentConfig:
    functions = [
        types.FunctionDeclaration(name=each.name, description=each.description, parameters_json_schema=each.parameters)
        for each in (SEARCH, CLOCK)
    ]
    return types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=functions)], thinking_config=types.ThinkingConfig(include_thoughts=True)
    )


async def test_gemini_reads_and_sends_a_tool_round_the_same(fake: FakeProvider, gemini_client: genai.Client) -> None:
    script = scripted(steps=[{"calls": CALLS, "signature": "c2lnbmVk"}, {"text": "Done."}])
    asked = types.Content(role="user", parts=[types.Part(text=script)])
    model, config = "gemini-3.5-flash-lite", gemini_config()
    first = await gemini_client.aio.models.generate_content(model=model, contents=[asked], config=config)
    said = first.candidates[0].content  # type: ignore[index]
    calls = [part.function_call for part in said.parts]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "ok"}))
        for call in calls
    ]
    history = [asked, said, types.Content(role="user", parts=results)]
    stream = await gemini_client.aio.models.generate_content_stream(model=model, contents=history, config=config)
    assert "".join([chunk.text or "" async for chunk in stream]) == "Done."

    mine = await ask("gemini", script)
    assert mine.calls == [(call.name, call.args) for call in calls]
    parts = (*mine.parts, *(ToolResult(call.id, call.name, "ok") for call in mine.of(RequestedCall)))
    assert (await ask("gemini", running(*parts, script=script, tools=(SEARCH, CLOCK)))).text == "Done."
    theirs, sent = fake.requests()[1]["body"], fake.requests()[-1]["body"]
    assert sent["contents"] == theirs["contents"]
    assert sent["tools"] == spelt(theirs["tools"])


async def test_openai_reads_sources_and_thoughts_of_a_whole_answer(openai_client: openai.AsyncOpenAI) -> None:
    question = scripted(text="So.", reasoning="Hm.", sources=["https://a.example/"], refusal="")
    answer = await openai_client.chat.completions.create(
        model="gpt-6-luna", messages=[{"role": "user", "content": question}]
    )

    message = answer.choices[0].message
    assert message.annotations is not None
    assert message.annotations[0].url_citation.url == "https://a.example/"
    assert message.model_extra == {"reasoning_content": "Hm."}


async def test_gemini_reads_sources(gemini_client: genai.Client) -> None:
    answer = await gemini_client.aio.models.generate_content(
        model="gemini-3.5-flash-lite", contents=scripted(text="So.", sources=["https://a.example/"])
    )

    grounding = answer.candidates[0].grounding_metadata  # type: ignore[index]
    assert grounding.grounding_chunks[0].web.uri == "https://a.example/"
