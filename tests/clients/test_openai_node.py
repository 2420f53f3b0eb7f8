"""OpenAI's own node client against `/v1` of the started server."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chats.tests.helpers import eventually
from conftest import Person
from files.tests.conftest import picture
from llm.testing import FakeProvider

HERE = Path(__file__).parent
Call = Callable[..., Any]


@pytest.fixture
def call(node: str, live: str, alice: Person) -> Call:
    """Return a caller of the node client."""
    key = alice.post("/api/keys/", {"name": "node"}).json()["key"]

    def run(method: str, content: str = "Hello", **body: Any) -> Any:
        asked = {"method": method, "model": "openai", "messages": [{"role": "user", "content": content}], **body}
        command = [node, "openai.mjs", live, body.pop("key", key), json.dumps(asked)]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    return run


def test_a_completion(call: Call) -> None:
    answer = call("complete", '!fake {"text": "Hello 🦊"}')["value"]

    assert answer["choices"][0]["message"]["content"] == "Hello 🦊"
    assert answer["usage"]["total_tokens"] > 0
    assert answer["requestId"]


def test_a_stream_with_usage(call: Call) -> None:
    chunks = call("stream", '!fake {"size": 300, "chunk": 10}', stream_options={"include_usage": True})["value"]

    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert len(text) == 300
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert call("helper")["value"]["choices"][0]["finish_reason"] == "stop"


SEARCH = {"name": "search", "parameters": {"type": "object", "properties": {}}, "strict": True}
TOOL = {"type": "function", "function": SEARCH}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
ARGUMENTS = [{"q": "møøn 🦊"}, {"q": "sun"}]


def test_calls_of_tools(call: Call) -> None:
    script = {"text": "Hm.", "chunk": 3, "calls": [{"name": "search", "arguments": each} for each in ARGUMENTS]}

    for method in ("complete", "helper", "parse"):
        choice = call(method, f"!fake {json.dumps(script)}", tools=[TOOL])["value"]["choices"][0]
        assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "Hm.")
        calls = choice["message"]["tool_calls"]
        assert [json.loads(each["function"]["arguments"]) for each in calls] == ARGUMENTS


def test_results_of_tools_images_and_any_last_role(call: Call, fake: FakeProvider) -> None:
    function = {"name": "search", "arguments": "{}"}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(picture()).decode()}"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Look."}, image]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "Found."},
    ]

    assert call("complete", messages=messages, tools=[TOOL])["value"]["choices"][0]["message"]["content"]

    sent = fake.requests("openai")[-1]["body"]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert [part["type"] for part in sent[0]["content"]] == ["text", "image_url"]


def test_structured_output(call: Call) -> None:
    choice = call("parse", '!fake {"text": "{\\"a\\": 1}"}', response_format=FORMAT)["value"]["choices"][0]

    assert json.loads(choice["message"]["content"]) == {"a": 1}


def test_choices_and_log_probabilities(call: Call) -> None:
    for method in ("complete", "helper"):
        choices = call(method, '!fake {"text": "One two."}', n=2, logprobs=True)["value"]["choices"]
        assert [choice["message"]["content"] for choice in choices] == ["One two.", "Choice 1: One two."]
        assert [token["token"] for token in choices[1]["logprobs"]["content"]] == ["One ", "two."]


def test_models(call: Call) -> None:
    found = call("models")["value"]

    assert found["one"]["id"] == found["names"][0]


def test_leaving_closes_the_providers_connection(call: Call, fake: FakeProvider) -> None:
    call("leave", '!fake {"size": 100000, "chunk": 5, "delay": 0.05}')

    eventually(lambda: not fake.open, 2)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({"key": "sk-parley-wrong"}, "AuthenticationError", "invalid_api_key"),
        ({"model": "no-such"}, "NotFoundError", "model_not_found"),
        ({"audio": {"voice": "x"}}, "BadRequestError", "unsupported_parameter"),
        ({"content": '!fake {"status": 400}'}, "InternalServerError", "provider_refused"),
    ],
)
def test_refusals_arrive_as_its_own_errors(body: dict[str, Any], kind: str, code: str, call: Call) -> None:
    error = call("complete", **body)["error"]

    assert (error["kind"], error["code"]) == (kind, code)
    assert error["requestId"]


def test_a_failure_within_a_stream_is_an_error(call: Call) -> None:
    error = call("stream", '!fake {"size": 400, "chunk": 20, "cut_after": 5}')["error"]

    assert error["kind"] == "APIError"
    assert error["message"]
