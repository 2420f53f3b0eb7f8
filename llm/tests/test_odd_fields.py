"""Every field of a provider besides the text, with every kind of value: the reply is kept, whatever it is."""

import json
from typing import Any

import orjson
import pytest

from common.text import is_storable
from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBusy
from llm.client.types import CitedSource, ProviderMetadata, RequestedCall, Usage
from llm.testing import FakeProvider
from llm.tests.asking import Reply, ask, scripted
from llm.tests.frames import DONE, event, gemini, openai, reply

pytestmark = pytest.mark.asyncio

ODD: list[Any] = [
    None, True, False, 0, -1, -12, 1.5, 2**31, 2**63, 2**64, 10**40, -(10**40), float("nan"), float("inf"), "", " ",
    "x", "12", "-3", "²", "9" * 5000, "x" * 300, "a\0b", "\ud800", "\udc00z", "\ud83d\ude00", "<b>\n\r\u202e", [],
    [None], [1, "a", {}], {}, {"a": {"b": "\ud800"}}, {"text": 1}, {"0": 0},
]  # fmt: skip
IDS = [json.dumps(value)[:24] for value in ODD]


@pytest.fixture(params=["openai", "gemini"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Those whose answers are written here; `test_odd_events` walks all."""
    return str(request.param)


def replaced(value: Any, odd: Any) -> list[Any]:
    """Return copies of a JSON value in each of which one thing inside is odd."""
    if isinstance(value, dict):
        return [{**value, name: each} for name in value for each in [odd, *replaced(value[name], odd)]]
    if isinstance(value, list):
        return [
            [*value[:at], each, *value[at + 1 :]]
            for at in range(len(value))
            for each in [odd, *replaced(value[at], odd)]
        ]
    return []


def assert_storable(found: Reply) -> None:
    """See that the database and every encoder take all that came."""
    assert found.end is not None
    names = [found.end.model, *(value for source in found.of(CitedSource) for value in (source.url, source.title))]
    for call in found.of(RequestedCall):
        names += [call.id, call.name, call.arguments]
    assert all(map(is_storable, names))
    assert 0 < len(found.end.model) <= 200
    orjson.dumps([each.value for each in found.of(ProviderMetadata)])
    usage = found.end.usage or Usage(0, 0)
    assert all(type(each) is int and 0 <= each < 2**31 for each in (usage.prompt, usage.completion))


def openai_frames(odd: Any) -> str:
    """Write a reply in which every field but the text is once odd, one a chunk."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    source = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    details = [{"type": "reasoning.text", "index": 0, "text": "t", "signature": "s", "extra": 1}]
    deltas = {
        "role": "assistant", "refusal": None, "tool_calls": [call], "annotations": [source], "reasoning": "",
        "reasoning_details": details, "function_call": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1},
    }  # fmt: skip
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 1}}
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "service_tier": "x",
        "usage": usage,
    }
    beside = [event({**each, "choices": []}) for each in replaced(chunk, odd)]
    frames = [openai({"content": "Whole "}), *beside]
    frames += [openai(each) for each in replaced(deltas, odd) if each["refusal"] is None and each["reasoning"] == ""]
    frames += [
        event({"choices": odd}),
        event({"choices": [odd]}),
        openai(odd if isinstance(odd, dict | list) else None),
    ]
    choice = {"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": None}
    for name in ("index", "logprobs", "role"):
        frames.append(event({"choices": [{**choice, name: odd}]}))
    return "".join([*frames, openai({"content": "answer."}), openai({}, "stop", model=odd, usage=odd), DONE])


def gemini_frames(odd: Any) -> str:
    call = {"id": "c1", "name": "f", "args": {"a": 1}}
    part = {"functionCall": call, "thoughtSignature": "s", "thought": True, "inlineData": {"data": "x"}}
    found = {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}], "webSearchQueries": ["q"]}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 1}
    chunk = {"modelVersion": "m", "responseId": "r", "usageMetadata": usage, "createTime": "x"}
    frames = [gemini([{"text": "Whole "}])]
    frames += [event({**each, "candidates": []}) for each in replaced(chunk, odd)]
    frames += [gemini([each]) for each in replaced(part, odd)]
    frames += [event({"candidates": odd}), event({"candidates": [odd]})]
    candidate = {"content": {"parts": [], "role": "model"}, "index": 0, "groundingMetadata": found, "safetyRatings": []}
    frames += [
        event({"candidates": [each]}) for each in replaced(candidate, odd) if not isinstance(each["content"], str)
    ]
    last = gemini([{"text": "answer."}], "STOP", modelVersion=odd, usageMetadata=odd)
    return "".join([*frames, last])


@pytest.mark.parametrize("odd", ODD, ids=IDS)
async def test_no_field_loses_the_reply(fake: FakeProvider, vendor: str, odd: Any) -> None:
    frames = gemini_frames(odd) if vendor == "gemini" else openai_frames(odd)

    found = await ask(vendor, scripted(answer=frames))

    assert found.text.startswith("Whole ")
    assert found.text.endswith("answer.")
    assert_storable(found)


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        ((900, -12), (900, 0)),
        ((7.0, 3), (7, 3)),
        (("7", "3"), (7, 3)),
        ((True, 2), (0, 2)),
        ((10**12, 5), (0, 5)),
        ((2**31, 5), (0, 5)),
        ((None, 5), (0, 5)),
        ((0, 0), (0, 0)),
        ((-1, 1.5), None),
        (("many", [3]), None),
        ((None, None), None),
    ],
)
async def test_a_count_that_cannot_be_one_is_dropped(
    fake: FakeProvider, vendor: str, given: tuple[Any, Any], usage: tuple[int, int] | None
) -> None:
    names = (
        ("promptTokenCount", "candidatesTokenCount") if vendor == "gemini" else ("prompt_tokens", "completion_tokens")
    )
    counts = dict(zip(names, given, strict=True))
    last = {"usageMetadata": counts} if vendor == "gemini" else {"usage": counts}

    found = await ask(vendor, scripted(answer=reply(vendor, **last)))

    assert found.end is not None
    assert found.end.usage == (Usage(*usage) if usage else None)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("vendor/model-7", "vendor/model-7"),
        ("m" * 200, "m" * 200),
        ("m" * 201, None),
        ("a\0b", "a\ufffdb"),
        ("a\ud800", "a\ufffd"),
        ("\ud83e\udd8a", "🦊"),
        ("  ", None),
        (7, None),
        (["m"], None),
    ],
)
async def test_a_model_is_repaired_or_the_one_asked_for(
    fake: FakeProvider, vendor: str, given: Any, name: str | None
) -> None:
    frames = reply(vendor, **{"modelVersion" if vendor == "gemini" else "model": given}).replace('"m"', "null")

    found = await ask(vendor, scripted(answer=frames))

    assert found.end is not None
    assert found.end.model == (name or fake.requests()[-1]["body"].get("model", "gemini-3.5-flash-lite"))


@pytest.mark.parametrize("odd", ODD, ids=IDS)
async def test_no_field_of_an_error_hides_what_its_status_says(odd: Any) -> None:
    details = [{"reason": "X", "violations": [{"quotaId": "q"}]}, {"retryDelay": "3s"}]
    error = {"code": "x", "type": "x", "status": "x", "param": "x", "message": "x", "metadata": {"error_type": "x"}}

    for body in (odd, [odd], *replaced({"error": {**error, "details": details}, "detail": "x"}, odd)):
        assert isinstance(map_error("provider", body, 429), ProviderBusy), body


async def test_sources_are_repaired_or_dropped(fake: FakeProvider, vendor: str) -> None:
    given = [
        ("https://a.example/\0", "A"), ("https://b.example/", "B\0\ud800"), ("https://c.example/" + "x" * 9000, ""),
        ("https://d.example/\ud800", ""), (7, 7), ("https://e.example/", ["E"]), ("https://f.example/", "F" * 900),
    ]  # fmt: skip
    if vendor == "gemini":
        chunks = [{"web": {"uri": url, "title": title}} for url, title in given]
        candidate = {"content": {"parts": [{"text": "So."}]}, "groundingMetadata": {"groundingChunks": chunks}}
        frames = event({"candidates": [candidate]}) + gemini([], "STOP")
    else:
        annotations = [{"url_citation": {"url": url, "title": title}} for url, title in given]
        frames = openai({"content": "So.", "annotations": annotations}) + openai({}, "stop") + DONE

    found = await ask(vendor, scripted(answer=frames))

    assert [(each.url, each.title) for each in found.of(CitedSource)] == [
        ("https://b.example/", "B\ufffd\ufffd"), ("https://e.example/", ""), ("https://f.example/", "F" * 500),
    ]  # fmt: skip


async def test_calls_are_put_together_over_odd_numbers_and_halves(fake: FakeProvider) -> None:
    first = {"index": "0", "id": 7, "function": {"name": "se\0arch", "arguments": '{"q": "\ud83e'}}
    more = {"index": 0, "function": {"arguments": '\udd8a\ud800"}'}}

    found = await ask(
        "openai",
        scripted(answer=openai({"tool_calls": [first]}) + openai({"tool_calls": [more]}) + openai({}, "stop") + DONE),
    )

    assert found.calls == [("se\ufffdarch", {"q": "🦊\ufffd"})]
