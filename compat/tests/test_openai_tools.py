"""Tools, files, forms, several choices and log probabilities at `/v1`, as the official client reads them."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from compat.tests.test_openai import HELLO, client, key, post, used
from conftest import Person
from files.tests.conftest import pdf, picture
from llm.testing import FakeProvider

__all__ = ["client", "key", "post"]
SEARCH: Any = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Finds things.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    },
}
CALLS = [{"name": "search", "arguments": {"q": "møøn \n🦊"}}, {"name": "search", "arguments": {"q": "sun"}}]
PNG = base64.b64encode(picture()).decode()
PDF = base64.b64encode(pdf("moss is green")).decode()
# The dialects in which a provider may speak to us; the answer is the same.
VENDORS = ["openai", "gemini"]


def ask(**script: Any) -> list[Any]:
    return [{"role": "user", "content": f"!fake {json.dumps(script)}"}]


@pytest.mark.parametrize("model", VENDORS)
def test_calls_and_their_results_go_around(client: OpenAI, fake: FakeProvider, model: str) -> None:
    messages = ask(steps=[{"text": "Let me see.", "calls": CALLS}, {"text": "Found."}])

    first = client.chat.completions.create(model=model, messages=messages, tools=[SEARCH]).choices[0]
    calls = first.message.tool_calls
    assert calls is not None
    messages.append(first.message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"Result {at}"} for at, call in enumerate(calls)]
    second = client.chat.completions.create(model=model, messages=messages, tools=[SEARCH]).choices[0]

    assert (first.finish_reason, first.message.content) == ("tool_calls", "Let me see.")
    assert [call.function.name for call in calls] == ["search", "search"]
    assert [json.loads(call.function.arguments) for call in calls] == [call["arguments"] for call in CALLS]
    assert len({call.id for call in calls}) == 2
    assert (second.finish_reason, second.message.content) == ("stop", "Found.")
    assert second.message.tool_calls is None
    if model == "openai":
        sent = fake.requests("openai")[-1]["body"]["messages"]
        assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
        assert [message["content"] for message in sent[2:]] == ["Result 0", "Result 1"]
        assert [call["id"] for call in sent[1]["tool_calls"]] == [call.id for call in calls]


def test_an_answer_of_calls_alone_has_no_content(client: OpenAI, alice: Person) -> None:
    answer = client.chat.completions.create(model="openai", messages=ask(calls=CALLS), tools=[SEARCH])

    assert answer.choices[0].message.content is None
    assert answer.usage is not None
    assert used(alice) == (1, answer.usage.total_tokens)


@pytest.mark.parametrize(
    "odd",
    [[], ["interleaved"], ["one_delta"], ["no_index"], ["same_index"], ["no_id"], ["repeat_id"], ["no_type"],
     ["object_arguments"], ["finish_stop"]],
)  # fmt: skip
def test_streamed_calls_can_be_put_together_by_index(
    client: OpenAI, post: Callable[..., httpx.Response], odd: list[str]
) -> None:
    messages = ask(text="Hm.", calls=CALLS, chunk=4, oddities=odd)

    with client.chat.completions.stream(model="openai", messages=messages, tools=[SEARCH]) as stream:
        choice = stream.get_final_completion().choices[0]
    raw = post({"model": "openai", "messages": messages, "tools": [SEARCH], "stream": True})

    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Hm.")
    calls = choice.message.tool_calls or []
    assert [json.loads(call.function.arguments) for call in calls] == [call["arguments"] for call in CALLS]
    deltas = [delta for delta in deltas_of(raw) if "tool_calls" in delta]
    seen = set()
    for delta in deltas:
        (call,) = delta["tool_calls"]
        assert set(call) == ({"index", "function"} if call["index"] in seen else {"index", "id", "type", "function"})
        assert set(call["function"]) == ({"arguments"} if call["index"] in seen else {"name", "arguments"})
        seen.add(call["index"])
    assert seen == {0, 1}


def deltas_of(raw: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in raw.text.split("\n") if line.startswith("data: {")]
    return [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]


def test_a_call_without_arguments_is_told(client: OpenAI) -> None:
    messages = ask(calls=[{"name": "search", "arguments": ""}])

    with client.chat.completions.stream(model="openai", messages=messages, tools=[SEARCH]) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls or []

    assert [(call.function.name, call.function.arguments) for call in calls] == [("search", "{}")]


class Step(BaseModel):
    explanation: str
    output: int


class Answer(BaseModel):
    steps: list[Step]


def test_structured_output_is_parsed(client: OpenAI, fake: FakeProvider) -> None:
    text = '{"steps": [{"explanation": "Add.", "output": 4}]}'

    answer = client.chat.completions.parse(model="openai", messages=ask(text=text), response_format=Answer)
    with client.chat.completions.stream(model="openai", messages=ask(text=text), response_format=Answer) as stream:
        streamed = stream.get_final_completion()

    expected = Answer(steps=[Step(explanation="Add.", output=4)])
    assert answer.choices[0].message.parsed == streamed.choices[0].message.parsed == expected
    sent = fake.requests("openai")[-1]["body"]["response_format"]
    assert (sent["type"], sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("json_schema", "Answer", True)
    assert sent["json_schema"]["schema"]["$defs"]["Step"]["additionalProperties"] is False


def test_arguments_of_a_pydantic_tool_are_parsed(client: OpenAI, fake: FakeProvider) -> None:
    tools = [openai.pydantic_function_tool(Step)]
    messages = ask(calls=[{"name": "Step", "arguments": {"explanation": "x", "output": 1}}])

    message = client.chat.completions.parse(model="openai", messages=messages, tools=tools).choices[0].message

    assert message.tool_calls is not None
    assert message.tool_calls[0].function.parsed_arguments == Step(explanation="x", output=1)
    assert fake.requests("openai")[-1]["body"]["tools"][0]["function"]["strict"] is True


def test_files_keep_their_places_and_an_image_its_detail(client: OpenAI, fake: FakeProvider) -> None:
    content: list[Any] = [
        {"type": "text", "text": "Compare."},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
    ]

    client.chat.completions.create(model="openai", messages=[{"role": "user", "content": content}])

    [message] = fake.requests("openai")[-1]["body"]["messages"]
    said, image, document = message["content"]
    assert said == content[0]
    assert (image["type"], image["image_url"]["detail"]) == ("image_url", "high")
    assert document == {"type": "text", "text": '<file name="a.pdf">\nmoss is green\n</file>\n\n'}


def test_an_image_reaches_gemini_as_its_bytes(client: OpenAI, fake: FakeProvider) -> None:
    content: list[Any] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]

    client.chat.completions.create(model="gemini", messages=[{"role": "user", "content": content}])

    parts = fake.requests("gemini")[-1]["body"]["contents"][0]["parts"]
    assert parts[0] == {"text": "What is it?"}
    assert parts[1]["inlineData"]["mimeType"] == "image/jpeg"


def test_two_choices(client: OpenAI, fake: FakeProvider, alice: Person) -> None:
    answer = client.chat.completions.create(model="openai", messages=ask(text="One two."), n=2)
    with client.chat.completions.stream(model="openai", messages=ask(text="One two."), n=2) as stream:
        streamed = stream.get_final_completion()

    for each in (answer, streamed):
        assert [choice.index for choice in each.choices] == [0, 1]
        assert [choice.message.content for choice in each.choices] == ["One two.", "Choice 1: One two."]
        assert [choice.finish_reason for choice in each.choices] == ["stop", "stop"]
    assert answer.usage is not None
    assert used(alice)[0] == 2


def test_two_choices_of_calls(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="openai", messages=ask(calls=CALLS), tools=[SEARCH], n=2)
    with client.chat.completions.stream(model="openai", messages=ask(calls=CALLS), tools=[SEARCH], n=2) as stream:
        streamed = stream.get_final_completion()

    for each in (answer, streamed):
        for choice in each.choices:
            calls = choice.message.tool_calls or []
            assert [json.loads(call.function.arguments) for call in calls] == [call["arguments"] for call in CALLS]


def test_log_probabilities(client: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "openai", "messages": ask(text="One two."), "logprobs": True, "top_logprobs": 1}

    answer = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True))
    with client.chat.completions.stream(**asked) as stream:
        helped = stream.get_final_completion()

    for each in (answer, helped):
        logprobs = each.choices[0].logprobs
        assert logprobs is not None
        assert [token.token for token in logprobs.content or ()] == ["One ", "two."]
        assert (logprobs.content or ())[0].top_logprobs[0].token == "other"
    told = [(choice.delta.content, choice.logprobs) for chunk in chunks for choice in chunk.choices if choice.logprobs]
    assert [(text, [token.token for token in logprobs.content or ()]) for text, logprobs in told] == [
        ("One ", ["One "]),
        ("two.", ["two."]),
    ]


def test_a_refusal_is_none_of_the_content(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="openai", messages=ask(refusal="I will not."))
    with client.chat.completions.stream(model="openai", messages=ask(refusal="I will not.")) as stream:
        streamed = stream.get_final_completion()

    for each in (answer, streamed):
        message = each.choices[0].message
        assert (message.content or None, message.refusal) == (None, "I will not.")
        assert each.choices[0].finish_reason == "stop"


def test_usage_tells_what_was_cached_and_what_was_thought(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="openai", messages=HELLO).usage

    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens // 2
    assert usage.completion_tokens_details.reasoning_tokens == usage.completion_tokens // 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_thoughts_are_no_answer(client: OpenAI, stream: bool, finish: str) -> None:
    messages = ask(reasoning="Hm.", text="", finish=finish)

    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="openai", messages=messages, stream=stream))

    assert caught.value.code == "provider_empty"


@pytest.mark.parametrize("model", [*VENDORS, "demo"])
@pytest.mark.parametrize(
    "messages",
    [
        [*HELLO, {"role": "system", "content": "In French."}],
        [*HELLO, {"role": "assistant", "content": "Bon"}],
        [{"role": "assistant", "content": "Bon"}],
        [{"role": "system", "content": "Say something."}],
        [{"role": "developer", "content": [{"type": "text", "text": "Say something."}]}],
        [*HELLO, {"role": "assistant", "content": None, "refusal": "No."}, *HELLO],
        [*HELLO, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, *HELLO],
    ],
)
def test_any_role_may_be_the_last(
    post: Callable[..., httpx.Response], fake: FakeProvider, model: str, messages: list[Any]
) -> None:
    answer = post({"model": model, "messages": messages})

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]


CALL = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "x"}
BAD: list[list[Any]] = [
    [RESULT], [*HELLO, RESULT], [*HELLO, CALLED], [*HELLO, CALLED, *HELLO], [*HELLO, CALLED, RESULT, RESULT],
    [*HELLO, CALLED, {**RESULT, "tool_call_id": "c2"}], [*HELLO, CALLED, {**RESULT, "tool_call_id": None}],
    [*HELLO, CALLED, {**RESULT, "tool_call_id": ["c1"]}], [*HELLO, CALLED, {"role": "tool", "content": "x"}],
    [*HELLO, {**CALLED, "tool_calls": [CALL, CALL]}, RESULT], [*HELLO, {**CALLED, "tool_calls": "x"}],
    [*HELLO, {**CALLED, "tool_calls": [5]}], [*HELLO, {**CALLED, "tool_calls": [{**CALL, "function": 5}]}],
    [*HELLO, {**CALLED, "tool_calls": [{**CALL, "type": "custom", "custom": {"name": "x", "input": ""}}]}],
    [*HELLO, {**CALLED, "tool_calls": [{**CALL, "id": ""}]}], [*HELLO, {**CALLED, "tool_calls": [{**CALL, "id": 5}]}],
    [*HELLO, {**CALLED, "tool_calls": [{**CALL, "function": {"name": "a b", "arguments": "{}"}}]}, RESULT],
    [*HELLO, {**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}, RESULT],
    [*HELLO, {**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "\0"}}]}, RESULT],
    [*HELLO, {"role": "assistant", "content": "x", "audio": {"id": "a"}}],
    [*HELLO, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}],
    [*HELLO, CALLED, {**RESULT, "content": [{"type": "image_url", "image_url": {"url": "https://x.test"}}]}],
    [{"role": "function", "name": "f", "content": "x"}], [{"role": "system", "content": " "}], [{"role": "user"}],
    [{"role": ["user"], "content": "x"}],
    *([{"role": "user", "content": [part]}] for part in (
        5, {}, {"type": "text"}, {"type": "text", "text": None}, {"type": ["text"], "text": "x"}, {"type": "image_url"},
        {"type": "image_url", "image_url": "data:image/png;base64,aGk="}, {"type": "image_url", "image_url": {}},
        *({"type": "image_url", "image_url": {"url": url}} for url in (
            "http://x.test/a.png", "file:///etc/passwd", "ftp://x", "data:image/png,x", "data:image/png;base64,",
            "data:image/png;base64,a", "data:image/png;base64,!!!!", "data:text/plain;base64,aGk=", "", "cat.png", 5,
            "https://x.test/cat.png", "data:image/png;base64,aG k=", None,
        )),
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "best"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": ["low"]}},
        {"type": "file", "file": {"file_id": "file-1"}}, {"type": "file", "file": {"file_data": "aGk="}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "x" * 256}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a\0"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": 5}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}, {"type": "file", "file": 5},
        {"type": "refusal", "refusal": "x"}, {"type": "video_url", "video_url": {"url": "https://x.test"}},
    )),
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}] * 101}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": {"type": "text", "text": "x"}}],
]  # fmt: skip


@pytest.mark.parametrize("messages", BAD)
def test_messages_that_are_none_are_refused(live: str, key: str, fake: FakeProvider, messages: list[Any]) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"model": "openai", "messages": messages})

    answer = httpx.post(f"{live}/v1/chat/completions", content=body, headers=headers)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == "messages"
    assert answer.json()["error"]["message"]
    assert fake.requests() == []


def test_all_that_a_model_reads_is_moderated(
    post: Callable[..., httpx.Response], settings: Any, fake: FakeProvider
) -> None:
    settings.MODERATION = "on"
    flagged = {**CALL, "function": {"name": "search", "arguments": '{"q": "[flagged]"}'}}
    tool = {"type": "function", "function": {"name": "f", "description": "[flagged]"}}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    text = {"type": "file", "file": {"file_data": "data:text/plain;base64,W2ZsYWdnZWRd"}}  # [flagged]
    bodies: list[dict[str, Any]] = [
        {"messages": [*HELLO, CALLED, {**RESULT, "content": "[flagged]"}]},
        {"messages": [*HELLO, {**CALLED, "tool_calls": [flagged]}, RESULT]},
        {"messages": [*HELLO, {**CALLED, "content": "[flagged]"}, RESULT]},
        {"messages": [{"role": "user", "content": [image, {"type": "text", "text": "[flagged]"}]}]},
        {"messages": [{"role": "user", "content": [text, {"type": "text", "text": "Read it."}]}]},
        {"messages": HELLO, "tools": [tool]},
    ]

    for body in bodies:
        answer = post({"model": "openai", **body})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "blocked"), body
    assert fake.requests("openai") == []
