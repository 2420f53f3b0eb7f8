"""`/v1` as the official Python client sees it, and on the wire."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from chats.models import Chat, Message
from chats.tests.helpers import eventually
from conftest import Person
from llm.testing import FakeProvider
from usage.models import Counter

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def key(alice: Person) -> str:
    return str(alice.post("/api/keys/", {"name": "test"}).json()["key"])


@pytest.fixture
def client(live: str, key: str) -> Any:
    with OpenAI(base_url=f"{live}/v1", api_key=key, max_retries=0) as made:
        yield made


@pytest.fixture
def post(live: str, key: str) -> Callable[..., httpx.Response]:
    def send(body: Any, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{live}/v1/chat/completions", json=body, headers=headers, timeout=30, **kwargs)

    return send


def used(person: Person) -> tuple[int, int]:
    day = Counter.objects.of_user(person.id).first()
    return (day.messages, day.tokens) if day else (0, 0)


def test_a_completion(client: OpenAI, alice: Person, fake: FakeProvider) -> None:
    answer = client.chat.completions.create(
        model="openai",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": [{"type": "text", "text": '!fake {"text": "Three 🦊"}'}]},
        ],
        temperature=0.5,
        max_tokens=99,
    )

    asked = fake.requests("openai")[-1]["body"]
    assert answer.choices[0].message.content == "Three 🦊"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert asked["messages"][0]["content"] == "Be brief."
    assert asked["temperature"] == 0.5
    assert asked["max_completion_tokens"] == 99


def test_nothing_is_stored_but_usage(client: OpenAI, alice: Person) -> None:
    answer = client.chat.completions.create(model="openai", messages=HELLO)

    assert answer.usage is not None
    assert used(alice) == (1, answer.usage.total_tokens)
    assert not Chat.objects.filter(owner=alice.id).exists()


def test_a_stream_comes_in_pieces_and_ends_with_done(client: OpenAI, post: Callable[..., httpx.Response]) -> None:
    prompt: list[Any] = [{"role": "user", "content": '!fake {"size": 500, "chunk": 20, "delay": 0.005}'}]

    chunks = list(
        client.chat.completions.create(
            model="gemini", messages=prompt, stream=True, stream_options={"include_usage": True}
        )
    )
    raw = post({"model": "gemini", "messages": prompt, "stream": True})

    assert len(chunks) > 10
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    assert len("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)) == 500
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.text.endswith("data: [DONE]\n\n")
    assert "usage" not in raw.text
    assert not any(line.startswith("id:") for line in raw.text.split("\n"))
    assert raw.headers["x-request-id"]


def test_the_clients_stream_helper_works(client: OpenAI) -> None:
    with client.chat.completions.stream(model="openai", messages=HELLO) as stream:
        final = stream.get_final_completion()

    assert "Hello" in str(final.choices[0].message.content)


def test_reasoning_is_beside_the_text(client: OpenAI) -> None:
    prompt: list[Any] = [{"role": "user", "content": '!fake {"reasoning": "Hm.", "text": "Yes."}'}]

    message = client.chat.completions.create(model="openai", messages=prompt).choices[0].message

    assert message.content == "Yes."
    assert message.model_extra == {"reasoning_content": "Hm.", "reasoning": "Hm."}


def test_models_are_listed_and_found_by_alias(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert "openai/gpt-6-luna" in names
    assert client.models.retrieve("openai/gpt-6-luna").owned_by == "openai"
    assert client.models.retrieve("gpt-3.5-turbo").id in names
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"


def test_store_makes_a_chat_that_can_go_on(client: OpenAI, alice: Person, fake: FakeProvider) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "user", "content": "What is it?"},
    ]

    answer = client.chat.completions.create(model="openai", messages=messages, store=True)

    assert answer.metadata is not None
    chat = answer.metadata["chat"]
    assert [row["content"] for row in alice.messages(chat)] == [
        "My name is Ada.",
        "Hello Ada.",
        "What is it?",
        answer.choices[0].message.content,
    ]
    assert fake.requests("openai")[-1]["body"]["messages"] == messages
    assert alice.say(chat, "And now?").status_code == 201
    sent = [message["content"] for message in fake.requests("openai")[-1]["body"]["messages"]]
    assert sent[1:] == [*(row["content"] for row in alice.messages(chat)[:4]), "And now?"]


def test_a_stored_reply_outlives_its_reader(client: OpenAI, alice: Person) -> None:
    prompt: list[Any] = [{"role": "user", "content": '!fake {"size": 300, "chunk": 10, "delay": 0.02}'}]

    stream = client.chat.completions.create(model="openai", messages=prompt, stream=True, store=True)
    next(iter(stream))
    stream.close()

    reply = eventually(lambda: Message.objects.filter(chat__owner=alice.id, state="complete", role="assistant").first())
    assert len(reply.content) == 300


@pytest.mark.parametrize("stream", [True, False])
def test_a_closed_connection_stops_the_provider(
    stream: bool, live: str, key: str, alice: Person, fake: FakeProvider
) -> None:
    body = {"model": "openai", "stream": stream, "messages": [
        {"role": "user", "content": '!fake {"size": 100000, "chunk": 5, "delay": 0.05}'}
    ]}  # fmt: skip

    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=1) as http:
        try:
            with http.stream("POST", f"{live}/v1/chat/completions", json=body) as answer:
                next(answer.iter_bytes())
        except httpx.ReadTimeout:
            assert not stream

    started = time.monotonic()
    eventually(lambda: not fake.open)
    assert time.monotonic() - started < 2
    assert eventually(lambda: used(alice)[0] == 1)


def test_the_quota_holds_here_too(client: OpenAI, alice: Person, settings: Any) -> None:
    settings.DAILY_MESSAGES = 1
    client.chat.completions.create(model="openai", messages=HELLO)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="openai", messages=HELLO)

    assert caught.value.code == "quota_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 0
    assert alice.say(alice.chat(), "on another door").status_code == 429


def test_a_failure_before_the_first_text_is_a_status_and_costs_nothing(client: OpenAI, alice: Person) -> None:
    refused: list[Any] = [{"role": "user", "content": '!fake {"status": 400}'}]
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="openai", messages=refused, stream=stream)
        assert caught.value.code == "provider_refused"
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert caught.value.request_id

    assert used(alice)[0] == 0


def test_an_overloaded_provider_is_a_503_with_its_hint(client: OpenAI, settings: Any) -> None:
    settings.PROVIDER_RETRIES = 0
    busy: list[Any] = [{"role": "user", "content": '!fake {"status": 429, "retry_after": 7, "times": 1}'}]

    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="openai", messages=busy)

    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "7"


def test_a_failure_within_the_stream_is_an_error_object(client: OpenAI) -> None:
    cut: list[Any] = [{"role": "user", "content": '!fake {"size": 400, "chunk": 20, "cut_after": 5}'}]

    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="openai", messages=cut, stream=True))

    assert caught.value.code
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="openai", messages=cut)


def test_a_silent_provider_is_a_504(client: OpenAI, settings: Any, alice: Person) -> None:
    settings.FIRST_TEXT_TIMEOUT = 0.3
    slow: list[Any] = [{"role": "user", "content": '!fake {"first_delay": 20}'}]

    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="openai", messages=slow)

    assert caught.value.status_code == 504


def test_a_flagged_prompt_goes_nowhere(client: OpenAI, settings: Any, fake: FakeProvider, alice: Person) -> None:
    settings.MODERATION = "on"
    bad: list[Any] = [
        {"role": "user", "content": "[flagged]"},
        {"role": "assistant", "content": "…"},
        {"role": "user", "content": "go on"},
    ]
    for store in (False, True):
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            client.chat.completions.create(model="openai", messages=bad, store=store)
        assert caught.value.code == "blocked"

    assert [request for request in fake.requests() if "completions" in str(request["path"])] == []


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "a\0"}]}, "messages"),
        ({"messages": [7]}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 5}, "stream_options"),
        ({"max_tokens": 0}, "max_completion_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
    ],
)
def test_bad_parameters_are_named(
    changed: dict[str, Any], param: str, post: Callable[..., httpx.Response], fake: FakeProvider
) -> None:
    answer = post({"model": "openai", "messages": HELLO, **changed})

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert fake.requests() == []


def test_errors_have_one_shape_under_v1(live: str, post: Callable[..., httpx.Response], settings: Any) -> None:
    settings.MAX_CHAT_BODY_BYTES = 4096
    answers = [
        httpx.post(f"{live}/v1/chat/completions", json={}),
        httpx.get(f"{live}/v1/chat/completions"),
        httpx.get(f"{live}/v1/nothing/here"),
        httpx.post(f"{live}/v1/", json={}),
        post({"model": "no-such", "messages": HELLO}),
        post({"model": "openai", "messages": [{"role": "user", "content": "x" * 5000}]}),
        httpx.post(f"{live}/v1/models", json={}),
    ]

    assert [answer.status_code for answer in answers] == [401, 405, 404, 404, 404, 413, 405]
    for answer in answers:
        assert set(answer.json()) == {"error"}
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_broken_json_is_refused(live: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    answer = httpx.post(f"{live}/v1/chat/completions", content=b'{"model": ', headers=headers)

    assert answer.status_code == 400
    assert json.loads(answer.text)["error"]["code"] == "not_json"


def test_a_key_makes_storing_repeatable(client: OpenAI, alice: Person, fake: FakeProvider) -> None:
    def ask() -> Any:
        return client.chat.completions.create(
            model="openai", messages=HELLO, store=True, extra_headers={"Idempotency-Key": "once"}
        )

    first, second = ask(), ask()

    assert first.id == second.id
    assert len(fake.requests("openai")) == 1
    assert Chat.objects.filter(owner=alice.id).count() == 1


EARLIER: list[Any] = [{"role": "system", "content": "Be brief."}, *HELLO, {"role": "assistant", "content": "Hello."}]


@pytest.mark.parametrize("messages", [HELLO, [*EARLIER, *HELLO]])
def test_what_was_accepted_is_not_judged_again(
    client: OpenAI, settings: Any, fake: FakeProvider, messages: list[Any]
) -> None:
    settings.MODERATION = "on"

    def ask(**more: Any) -> Any:
        return client.with_options(max_retries=0).chat.completions.create(
            model="openai", messages=messages, store=True, extra_headers={"Idempotency-Key": "once"}, **more
        )

    first = ask()
    fake.script(moderation={"status": 500, "repeat": 100})

    assert ask().id == first.id
    assert len(fake.requests("openai")) == len(fake.requests()) - len(fake.requests("moderation"))
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        ask(temperature=0.3)
    assert caught.value.code == "idempotency_key_reused"
