"""Every parameter of OpenAI's chat completions, and some of other servers: passed on, refused by name, or ignored."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase, CompletionCreateParamsStreaming

from chats.models import Chat
from compat.tests.test_openai import HELLO, key, post, used
from conftest import Person
from files.tests.conftest import picture
from llm.testing import FakeProvider

__all__ = ["key", "post"]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
TOOL = {"type": "function", "function": {"name": "f", "description": "Does.", "parameters": SCHEMA, "strict": True}}
SECOND = {"type": "function", "function": {"name": "g"}}
CHOICE = {"type": "function", "function": {"name": "f"}}
PNG = base64.b64encode(picture()).decode()
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}}

# What is sent, and what the provider is to be sent of it.
PASSED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"messages": HELLO}, {"messages": HELLO}),
    ({"model": "gpt-6-luna"}, {"model": "gpt-6-luna"}),
    ({"max_completion_tokens": 7}, {"max_completion_tokens": 7}),
    ({"max_tokens": 7}, {"max_completion_tokens": 7}),
    ({"max_tokens": 7, "max_completion_tokens": None}, {"max_completion_tokens": 7}),
    ({"max_tokens": None, "max_completion_tokens": 8}, {"max_completion_tokens": 8}),
    ({"max_tokens": 7, "max_completion_tokens": 8}, {"max_completion_tokens": 8}),
    ({"temperature": 0}, {"temperature": 0}),
    ({"top_p": 0.25}, {"top_p": 0.25}),
    ({"presence_penalty": -1.5}, {"presence_penalty": -1.5}),
    ({"frequency_penalty": 2}, {"frequency_penalty": 2}),
    ({"seed": -7}, {"seed": -7}),
    ({"seed": 0}, {"seed": 0}),
    ({"stop": "END"}, {"stop": ["END"]}),
    ({"stop": ["a", "\n"]}, {"stop": ["a", "\n"]}),
    ({"n": 2}, {"n": 2}),
    ({"logprobs": True}, {"logprobs": True}),
    ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
    ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100}}),
    ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    ({"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
    ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
    ({"response_format": FORMAT}, {"response_format": FORMAT}),
    ({"tools": [TOOL]}, {"tools": [TOOL]}),
    ({"tools": [TOOL], "tool_choice": "none"}, {"tool_choice": "none"}),
    ({"tools": [TOOL], "tool_choice": "required"}, {"tool_choice": "required"}),
    ({"tools": [TOOL, SECOND], "tool_choice": CHOICE}, {"tool_choice": CHOICE}),
    ({"tools": [TOOL], "parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    ({"stream": False}, {"stream": True}),  # a provider always streams
    ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, {}),
]  # fmt: skip
# What asks for nothing, for it is so anyway.
SAME: list[dict[str, Any]] = [
    {"n": 1}, {"logprobs": False}, {"logprobs": False, "top_logprobs": 0}, {"logit_bias": {}}, {"stop": []},
    {"presence_penalty": 0, "frequency_penalty": 0.0}, {"tools": []}, {"tool_choice": "auto"},
    {"tool_choice": "none"}, {"parallel_tool_calls": True}, {"parallel_tool_calls": False},
    {"response_format": {"type": "text"}}, {"modalities": ["text"]}, {"store": False},
]  # fmt: skip
IGNORED: list[dict[str, Any]] = [
    {"user": "u"}, {"safety_identifier": "s"}, {"metadata": {"a": "b"}}, {"service_tier": "flex"},
    {"prompt_cache_key": "k"}, {"prompt_cache_retention": "24h"}, {"prompt_cache_options": {"mode": "explicit"}},
    {"verbosity": "low"}, {"unheard_of": [1]},
]  # fmt: skip
REFUSED: list[dict[str, Any]] = [
    {"functions": [{"name": "f"}]}, {"function_call": "auto"}, {"modalities": ["text", "audio"]},
    {"audio": {"voice": "alloy", "format": "wav"}}, {"prediction": {"type": "content", "content": "x"}},
    {"moderation": {"model": "omni"}}, {"web_search_options": {}, "audio": {"format": "wav"}}, {"top_k": 40},
    {"min_p": 0.1}, {"repetition_penalty": 1.1}, {"reasoning": {"effort": "low"}}, {"thinking": {"type": "enabled"}},
    {"web_search_options": {"search_context_size": "low"}},
]  # fmt: skip
LONG = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": "x" * 70_000}}}
INVALID: list[tuple[str, Any]] = [
    *(("n", value) for value in (0, 129, 1.5, True, "2", [2])),
    *(("seed", value) for value in (1.5, True, "7", 2**63)),
    *(("stop", value) for value in (5, [5], "", [""], ["x"] * 17, "x" * 1001, "a\0", ["\ud800"], {"a": 1}, True)),
    *(("presence_penalty", value) for value in (2.1, -2.1, True, "1")),
    *(("frequency_penalty", value) for value in (3, [1])),
    *(("logprobs", value) for value in (1, "true")),
    *(("top_logprobs", value) for value in (21, -1, True, 5)),
    *(("logit_bias", value) for value in ([1], {"x": 1}, {"5": 101}, {"5": True}, {"5": "1"}, {"": 1}, {"²": 1}, True)),
    *(("reasoning_effort", value) for value in ("huge", 5, [], {}, "", True, "Low")),
    *(("response_format", value) for value in (
        "json", [], {}, {"type": "xml"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": {"name": "x"}},
        {"type": "json_schema", "json_schema": {"schema": {}}}, {"type": "json_object", "json_schema": {}},
        {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}, LONG, {"type": ["json_object"]},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": "yes"}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "other": 1}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"a\0": 1}}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"a": ["\ud800"]}}},
    )),
    *(("tools", value) for value in (
        "f", [5], [{}], [{"type": "function"}], [{"type": "function", "function": {}}], [TOOL] * 129, [TOOL, TOOL],
        [{"type": "custom", "custom": {"name": "f"}}], [{"type": "function", "function": {"name": "a b"}}],
        [{"type": "function", "function": {"name": "x" * 65}}], [{"type": "function", "function": {"name": 5}}],
        [{"type": "function", "function": {"name": "f", "parameters": []}}],
        [{"type": "function", "function": {"name": "f", "description": 5}}],
        [{"type": "function", "function": {"name": "f", "strict": 1}}],
        [{"type": "function", "function": {"name": "f", "description": "a\0"}}], {"a": 1}, True,
    )),
    *(("tool_choice", value) for value in ("sometimes", CHOICE, {"type": "allowed_tools"}, {}, 5, "required", [])),
    ("stream_options", "x"),
    ("max_completion_tokens", 0),
]  # fmt: skip


def test_every_parameter_of_the_official_client_has_a_row() -> None:
    rows: list[Mapping[str, Any]] = [*(sent for sent, _ in PASSED), *SAME, *IGNORED, *REFUSED]
    known = CompletionCreateParamsBase.__annotations__.keys() | CompletionCreateParamsStreaming.__annotations__.keys()

    assert known - {name for row in rows for name in row} == set()


@pytest.mark.parametrize(("sent", "received"), PASSED)
def test_what_is_passed_on(
    sent: dict[str, Any], received: dict[str, Any], post: Callable[..., httpx.Response], fake: FakeProvider
) -> None:
    answer = post({"model": "openai", "messages": HELLO, **sent})

    assert answer.status_code == 200, answer.text
    body = fake.requests("openai")[-1]["body"]
    assert {name: body.get(name) for name in received} == received


@pytest.mark.parametrize("sent", [*SAME, *IGNORED])
def test_what_the_provider_is_not_told(
    sent: dict[str, Any], post: Callable[..., httpx.Response], fake: FakeProvider
) -> None:
    bare, more = (post({"model": "openai", "messages": HELLO, **each}) for each in ({}, sent))

    assert (bare.status_code, more.status_code) == (200, 200), more.text
    first, second = fake.requests("openai")
    assert first["body"] == second["body"]


@pytest.mark.parametrize("sent", REFUSED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_refused_by_name(
    sent: dict[str, Any], stream: bool, post: Callable[..., httpx.Response], fake: FakeProvider
) -> None:
    answer = post({"model": "openai", "messages": HELLO, "stream": stream, **sent})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unsupported_parameter")
    assert error["param"] in sent
    assert error["param"] in error["message"] or error["param"] == "modalities"
    assert fake.requests() == []


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_a_wrong_value_is_refused_by_name(name: str, value: Any, live: str, key: str, fake: FakeProvider) -> None:
    body = json.dumps({"model": "openai", "messages": HELLO, name: value})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = httpx.post(f"{live}/v1/chat/completions", content=body, headers=headers)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == name
    assert fake.requests() == []


# What a model, or its vendor's language, has no word for: the parameters as they are sent, and the one that is named.
CANNOT: list[tuple[str, dict[str, Any], str]] = [
    ("gemini", {"n": 2}, "n"),
    ("gemini", {"logprobs": True}, "logprobs"),
    ("gemini", {"logit_bias": {"5": 1}}, "logit_bias"),
    ("gemini", {"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
    ("demo", {"reasoning_effort": "low"}, "reasoning_effort"),
    ("demo", {"response_format": {"type": "json_object"}}, "response_format"),
    ("demo", {"n": 2}, "n"),
    ("demo", {"stop": "x"}, "stop"),
    ("demo", {"logprobs": True}, "logprobs"),
    ("demo", {"logit_bias": {"5": 1}}, "logit_bias"),
    ("demo", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
    ("demo", {"messages": [{"role": "user", "content": [IMAGE]}]}, "messages"),
]


@pytest.mark.parametrize(("model", "sent", "param"), CANNOT)
@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_what_a_model_cannot_is_refused_by_name(
    model: str,
    sent: dict[str, Any],
    param: str,
    more: dict[str, Any],
    post: Callable[..., httpx.Response],
    fake: FakeProvider,
    alice: Person,
) -> None:
    answer = post({"model": model, "messages": HELLO, **sent, **more})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported", param)
    assert param in error["message"]
    assert fake.requests() == []
    assert used(alice) == (0, 0)


@pytest.mark.parametrize(
    "sent",
    [{"reasoning_effort": "low"}, {"response_format": {"type": "json_object"}}, {"stop": "x"}],
)
def test_nothing_is_stored_of_what_a_model_cannot(
    sent: dict[str, Any], post: Callable[..., httpx.Response], alice: Person
) -> None:
    answer = post({"model": "demo", "messages": HELLO, "store": True, **sent})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported")
    assert not Chat.objects.filter(owner=alice.id).exists()


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [TOOL]}, "tools"),
        (
            {"messages": [{"role": "user", "content": [IMAGE]}, {"role": "assistant", "content": "x"}, *HELLO]},
            "messages",
        ),
        ({"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, "messages"),
    ],
)
def test_what_no_stored_chat_has_is_refused_by_name(
    sent: dict[str, Any], param: str, post: Callable[..., httpx.Response], fake: FakeProvider, alice: Person
) -> None:
    answer = post({"model": "openai", "messages": HELLO, "store": True, **sent})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert fake.requests() == []
    assert not Chat.objects.filter(owner=alice.id).exists()


def test_a_stored_chat_passes_on_the_rest(post: Callable[..., httpx.Response], fake: FakeProvider) -> None:
    sent = {"seed": 7, "stop": ["x"], "reasoning_effort": "low", "response_format": FORMAT, "presence_penalty": 1}

    answer = post({"model": "openai", "messages": HELLO, "store": True, **sent})

    assert answer.status_code == 200, answer.text
    body = fake.requests("openai")[-1]["body"]
    assert {name: body.get(name) for name in sent} == sent


def test_the_demo_takes_what_would_only_vary_its_words(post: Callable[..., httpx.Response]) -> None:
    sent = {"temperature": 1, "top_p": 0.5, "seed": 7, "presence_penalty": 1, "max_tokens": 5, "tools": [TOOL]}

    answer = post({"model": "demo", "messages": HELLO, **sent})

    assert answer.status_code == 200, answer.text
