"""Tool calls as they come in from both vendors and their imitators, over real HTTP."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.errors import ProviderBroken
from llm.client.types import CitedSource, RequestedCall, ToolInputDelta
from llm.testing import FakeProvider
from llm.tests import frames
from llm.tests.asking import CLOCK, SCHEMA, SEARCH, SEARCH_MOON, ask, prompt, reply_of, scripted

pytestmark = pytest.mark.asyncio
TWO: list[dict[str, Any]] = [SEARCH_MOON, {"name": "clock"}]
TWINS: list[dict[str, Any]] = [SEARCH_MOON, {"name": "search", "arguments": {"q": "sun"}}]


def arguments(calls: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(call["name"], call.get("arguments", {})) for call in calls]


async def test_tools_are_declared(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, replace(prompt("Hello"), tools=(SEARCH, CLOCK)))

    body = fake.requests()[0]["body"]
    schema = {"gemini": "parametersJsonSchema", "anthropic": "input_schema"}.get(vendor, "parameters")
    found = body["tools"][0]["functionDeclarations"] if vendor == "gemini" else body["tools"]
    found = [tool["function"] for tool in found] if vendor == "openai" else found
    more = {"type": "function", "strict": False} if vendor == "responses" else {}
    assert found[0] == {"name": "search", "description": "Finds things.", schema: SCHEMA, **more}
    assert [tool["name"] for tool in found] == ["search", "clock"]


async def test_without_tools_nothing_is_said_of_them(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, "Hello")

    assert "tool" not in json.dumps(fake.requests()[0]["body"])


@pytest.mark.parametrize("calls", [[SEARCH_MOON], TWO, TWINS], ids=["one", "two", "twins"])
@pytest.mark.parametrize("chunk", [0, 1, 3])
async def test_calls_come_whole_and_in_order(
    fake: FakeProvider, vendor: str, calls: list[dict[str, Any]], chunk: int
) -> None:
    reply = await ask(vendor, scripted(text="Let me see.", calls=calls, chunk=chunk))

    assert reply.calls == arguments(calls)
    assert len({call.id for call in reply.of(RequestedCall)}) == len(calls)
    assert reply.text == "Let me see."
    assert reply.end is not None
    assert reply.end.reason == "tool_calls"


@pytest.mark.parametrize("vendor", ["openai", "responses", "anthropic"])
async def test_arguments_grow_before_their_call(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(calls=TWINS, chunk=4, oddities=["interleaved"]))

    inputs, calls = reply.of(ToolInputDelta), reply.of(RequestedCall)
    assert len(inputs) > 6
    for call in calls:
        place = reply.events.index(call)
        assert all(each.call != call.id for each in reply.events[place:] if isinstance(each, ToolInputDelta))
    for call in calls:
        own = [each for each in inputs if each.call == call.id]
        assert "".join(each.text for each in own) == call.arguments
        assert {each.name for each in own} == {"search"}


SHAPES = [
    *([shape] for shape in ("no_index", "same_index", "no_id", "no_type", "repeat_id", "object_arguments")),
    ["finish_stop"],
    ["one_delta"],
    ["no_index", "repeat_id", "interleaved"],
    ["same_index", "repeat_id", "interleaved"],
    ["no_id", "interleaved"],
    ["no_id", "no_index", "no_type"],
    ["same_index", "one_delta", "object_arguments", "finish_stop"],
    ["same_index", "no_id", "object_arguments"],
    ["no_index", "no_id", "object_arguments", "one_delta"],
]


@pytest.mark.parametrize("calls", [TWO, TWINS], ids=["two", "twins"])
@pytest.mark.parametrize("shape", SHAPES, ids=" ".join)
async def test_every_servers_shape_is_read_right(
    fake: FakeProvider, shape: list[str], calls: list[dict[str, Any]]
) -> None:
    reply = await ask("openai", scripted(calls=calls, chunk=5, oddities=shape))

    assert reply.calls == arguments(calls)
    assert len({call.id for call in reply.of(RequestedCall)}) == 2
    assert reply.end is not None
    assert reply.end.reason == "tool_calls"


def response_frames(places: Any) -> str:
    """Write two calls of a response, each of which is begun before one has ended."""
    calls = [
        {"type": "function_call", "id": f"f{n}", "call_id": f"c{n}", "name": name, "arguments": ""}
        for n, name in enumerate(("search", "clock"))
    ]
    told = [json.dumps(arguments) for _, arguments in arguments(TWO)]
    added = [frames.event({"type": "response.output_item.added", "item": call, **places}) for call in calls]
    grown = [
        frames.event({"type": "response.function_call_arguments.delta", "item_id": call["id"], "delta": text, **places})
        for call, text in zip(calls, told, strict=True)
    ]
    done = [
        frames.event({"type": "response.output_item.done", "item": {**call, "arguments": text}, **places})
        for call, text in zip(calls, told, strict=True)
    ]
    end = frames.event({"type": "response.completed", "response": {"model": "m"}})
    return "".join([*added, *grown, *reversed(done), end])


def message_frames(places: Any) -> str:
    """Write two blocks of a message, none of which is ended."""
    found = []
    for name, given in arguments(TWO):
        block = {"type": "tool_use", "id": name, "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
        found.append(frames.event({"type": "content_block_start", "content_block": block, **places}))
        found.append(frames.event({"type": "content_block_delta", "delta": delta, **places}))
    return "".join([*found, frames.event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})])


@pytest.mark.parametrize("vendor", ["responses", "anthropic"])
@pytest.mark.parametrize("place", [{}, 0, None, "0", -1])
async def test_calls_in_one_place_are_told_apart(fake: FakeProvider, vendor: str, place: Any) -> None:
    name = "output_index" if vendor == "responses" else "index"
    written = response_frames if vendor == "responses" else message_frames

    found = await ask(vendor, scripted(answer=written({} if place == {} else {name: place})))

    assert found.calls == arguments(TWO)
    begun = {each.call for each in found.of(ToolInputDelta)}
    assert begun <= {call.id for call in found.of(RequestedCall)}


async def test_names_tell_calls_apart_where_nothing_else_does(fake: FakeProvider) -> None:
    reply = await ask("openai", scripted(calls=TWO, oddities=["same_index", "no_id"]))

    assert reply.calls == arguments(TWO)


async def test_the_old_way_to_call_one_function(fake: FakeProvider) -> None:
    script = scripted(calls=[SEARCH_MOON], chunk=3, oddities=["function_call"], finish="function_call")

    reply = await ask("openai", script)

    assert reply.calls == arguments([SEARCH_MOON])


async def test_a_provider_without_ids_gets_some(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(calls=TWO, oddities=["no_id"]))

    assert all(len(call.id) == 9 and call.id.isalnum() for call in reply.of(RequestedCall))


@pytest.mark.parametrize("odd", ["x" * 41, "a b", "ä", "\0"])
async def test_ids_that_others_refuse_are_replaced(fake: FakeProvider, vendor: str, odd: str) -> None:
    reply = await ask(vendor, scripted(calls=[{"name": "clock", "id": odd}, {"name": "clock", "id": "call_1"}]))

    first, second = reply.of(RequestedCall)
    assert len(first.id) == 9
    assert second.id == "call_1"


async def test_gemini_calls_with_the_same_id_are_told_apart(fake: FakeProvider) -> None:
    reply = await ask("gemini", scripted(calls=[{"name": "clock", "id": "a"}, {"name": "clock", "id": "a"}]))

    first, second = reply.of(RequestedCall)
    assert first.id != second.id


@pytest.mark.parametrize("vendor", ["openai", "responses", "anthropic"])
async def test_broken_arguments_are_passed_on_as_they_are(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(calls=[{"name": "search", "arguments": '{"q": "mo'}]))

    assert [call.arguments for call in reply.of(RequestedCall)] == ['{"q": "mo']


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"])
async def test_gemini_fails_where_a_call_is_broken(fake: FakeProvider, reason: str) -> None:
    broken = {"calls": [{"name": "search", "arguments": "{"}]} if reason.startswith("MAL") else {"finish": reason}

    with pytest.raises(ProviderBroken, match=reason):
        await ask("gemini", scripted(**broken))


@pytest.mark.parametrize("vendor", ["openai", "responses", "anthropic"])
async def test_a_cut_stream_makes_no_call(fake: FakeProvider, vendor: str) -> None:
    seen: list[type] = []

    async def read() -> None:
        async for event in reply_of(vendor, prompt(scripted(calls=TWO, chunk=2, cut_after=5))):
            seen.append(type(event))  # noqa: PERF401

    with pytest.raises(ProviderBroken):
        await read()

    assert set(seen) == {ToolInputDelta}


async def test_an_impossible_name_is_kept_short(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(calls=[{"name": "n" * 100}]))

    assert [call.name for call in reply.of(RequestedCall)] == ["n" * 64]


async def test_the_number_of_calls_is_bounded(fake: FakeProvider, vendor: str) -> None:
    assert len((await ask(vendor, scripted(calls=[{"name": "clock"}] * 128))).of(RequestedCall)) == 128

    with pytest.raises(ProviderBroken, match="too many"):
        await ask(vendor, scripted(calls=[{"name": "clock"}] * 129))


async def test_the_length_of_arguments_is_bounded(fake: FakeProvider, vendor: str, settings: Settings) -> None:
    settings.MAX_REPLY_CHARS = 1000

    with pytest.raises(ProviderBroken, match="too long"):
        await ask(vendor, scripted(calls=[{"name": "search", "arguments": {"q": "x" * 600}}] * 2, chunk=50))


async def test_sources_are_told_once(fake: FakeProvider, vendor: str) -> None:
    sources = ["https://a.example/", {"url": "http://b.example/", "title": "B"}, "https://a.example/"]

    reply = await ask(vendor, scripted(text="So.", sources=[*sources, "javascript:alert(1)", "/etc/passwd"]))

    assert reply.of(CitedSource) == [CitedSource("https://a.example/"), CitedSource("http://b.example/", "B")]
    assert reply.end is not None
    assert reply.end.reason == "stop"


async def test_a_refusal_beside_calls_does_not_hide_them(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(refusal="I would rather not.", calls=[{"name": "clock"}]))

    assert reply.text == "I would rather not."
    assert reply.end is not None
    assert reply.end.reason == "tool_calls"


@pytest.mark.parametrize(("vendor", "finish"), [("anthropic", "refusal"), ("responses", "content_filter")])
async def test_calls_of_a_reply_that_a_filter_broke_off_are_not_to_be_made(
    fake: FakeProvider, vendor: str, finish: str
) -> None:
    reply = await ask(vendor, scripted(text="So.", calls=[{"name": "clock"}], finish=finish))

    assert reply.end is not None
    assert reply.end.reason == "content_filter"
