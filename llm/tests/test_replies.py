"""What both vendors' streams become, over real HTTP."""

from typing import Any

import pytest
from pytest_django import Settings

from llm.client.errors import EventTooLong, PromptBlocked
from llm.testing import FakeProvider
from llm.testing.script import FRAMING
from llm.tests.asking import ask, model_of, prompt, scripted

pytestmark = pytest.mark.asyncio


async def test_a_reply_arrives_whole_with_model_and_usage(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(chunks=["Hel", "lo ", "🦊\u2028\u0085!"]))

    assert reply.text == "Hello 🦊\u2028\u0085!"
    assert reply.end is not None
    assert (reply.end.reason, reply.end.model) == ("stop", model_of(vendor))
    assert reply.end.usage is not None
    assert reply.end.usage.completion == 3
    assert reply.end.usage.prompt > 0


async def test_reasoning_is_kept_apart(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(reasoning="Let me think.", text="Four."))

    assert (reply.reasoning, reply.text) == ("Let me think.", "Four.")


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter"])
async def test_each_finish_has_its_reason(fake: FakeProvider, vendor: str, finish: str) -> None:
    reply = await ask(vendor, scripted(text="So", finish=finish))

    assert reply.end is not None
    assert reply.end.reason == ("refusal" if (vendor, finish) == ("anthropic", "content_filter") else finish)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("RECITATION", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"), ("LANGUAGE", "other")],
)
async def test_gemini_has_more_reasons(fake: FakeProvider, finish: str, reason: str) -> None:
    reply = await ask("gemini", scripted(text="So", finish=finish))

    assert reply.end is not None
    assert reply.end.reason == reason


@pytest.mark.parametrize(
    ("finish", "reason"), [("stop_sequence", "stop"), ("model_context_window_exceeded", "length"), ("length", "length")]
)
async def test_anthropic_has_more_reasons(fake: FakeProvider, finish: str, reason: str) -> None:
    reply = await ask("anthropic", scripted(text="So", finish=finish))

    assert reply.end is not None
    assert reply.end.reason == reason


@pytest.mark.parametrize(("vendor", "finish"), [("responses", "steered"), ("anthropic", "new_reason")])
async def test_an_unknown_end_is_none(fake: FakeProvider, vendor: str, finish: str) -> None:
    reply = await ask(vendor, scripted(text="So", finish=finish))

    assert reply.end is not None
    assert reply.end.reason == "other"


async def test_a_refusal_is_text_with_its_own_reason(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(refusal="I cannot help."))

    assert reply.text == "I cannot help."
    assert reply.end is not None
    assert reply.end.reason == ("stop" if vendor == "gemini" else "refusal")


async def test_a_refusal_without_a_word_is_explained(fake: FakeProvider) -> None:
    reply = await ask("anthropic", scripted(refusal="It could harm.", oddities=["silent_refusal"]))

    assert (reply.text, reply.end and reply.end.reason) == ("It could harm.", "refusal")


PARTS = ["One ", "two ", "three ", "four."]


@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
@pytest.mark.parametrize("reasoning", ["", "Hm."])
async def test_a_paused_reply_is_finished(fake: FakeProvider, vendor: str, reasoning: str) -> None:
    calls = [{"name": "clock"}]
    reply = await ask(vendor, scripted(chunks=PARTS, pause_after=2, calls=calls, reasoning=reasoning))

    assert (reply.text, reply.reasoning, reply.calls) == ("One two three four.", reasoning, [("clock", {})])
    assert reply.end is not None
    assert reply.end.reason == "tool_calls"
    first, second = (each["body"] for each in fake.requests())
    if vendor == "gemini":
        assert second == {**first, "continuationToken": "dG9rZW4="}
    else:
        assert second["messages"][:-1] == first["messages"]
        assert second["messages"][-1]["content"][-1] == {"type": "text", "text": "One two "}
    assert reply.end.usage is not None
    assert reply.end.usage.completion >= 5
    assert reply.end.usage.prompt > 50


async def test_thoughts_of_several_parts_are_kept_apart(fake: FakeProvider) -> None:
    for oddities in ([], ["reasoning_text"]):
        reply = await ask("responses", scripted(reasoning="First.\n\nThen.", text="So.", oddities=oddities))

        assert (reply.reasoning, reply.text) == ("First.\n\nThen.", "So.")


USAGE: dict[str, dict[str, Any]] = {
    "openai": {"prompt_tokens": -5, "completion_tokens": 7, "total_tokens": None},
    "responses": {"input_tokens": -5, "output_tokens": 7, "total_tokens": "many"},
    "anthropic": {"input_tokens": -5, "output_tokens": 7, "cache_read_input_tokens": None, "service_tier": 3},
    "gemini": {"promptTokenCount": "few", "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "more": {}},
}


async def test_odd_usage_loses_no_reply(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(text="So.", usage=USAGE[vendor]))

    assert reply.text == "So."
    assert reply.end is not None
    assert reply.end.usage is not None
    assert reply.end.usage.completion == 7


async def test_anthropic_counts_what_is_cached_as_asked(fake: FakeProvider) -> None:
    counts: dict[str, Any] = {"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100}
    counts["output_tokens_details"] = {"thinking_tokens": 2}
    reply = await ask("anthropic", scripted(text="So.", usage=counts))

    assert reply.end is not None
    assert reply.end.usage is not None
    usage = reply.end.usage
    assert (usage.prompt, usage.cached, usage.reasoning) == (123, 20, 2)


async def test_the_end_of_a_response_may_repeat_nothing(fake: FakeProvider) -> None:
    reply = await ask("responses", scripted(text="So.", calls=[{"name": "clock"}], oddities=["bare_end"]))

    assert (reply.text, reply.calls) == ("So.", [("clock", {})])


async def test_a_blocked_prompt_has_no_reply(fake: FakeProvider) -> None:
    with pytest.raises(PromptBlocked) as caught:
        await ask("gemini", scripted(block="PROHIBITED_CONTENT"))

    assert caught.value.detail == "PROHIBITED_CONTENT"


async def test_an_empty_reply_is_still_finished(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(empty=True))

    assert reply.text == ""
    assert reply.end is not None
    assert reply.end.reason == "stop"


ODDITIES: list[dict[str, Any]] = [
    {"oddities": True},
    *({"oddities": [name]} for name in sorted(FRAMING)),
    {"oddities": ["cr"], "segment": 1},
    {"oddities": ["crlf", "bom", "comments"], "segment": 1},
    {"oddities": ["role_only", "null_content", "unknown", "after_done"]},
    {"segment": 1},
    {"segment": 3},
    {"keepalive": 0.01, "first_delay": 0.05, "delay": 0.02},
]


@pytest.mark.parametrize("odd", ODDITIES, ids=str)
async def test_harmless_oddities_are_read_right(fake: FakeProvider, vendor: str, odd: dict[str, Any]) -> None:
    reply = await ask(vendor, scripted(chunks=["naïve ", "日本語 ", "🦊", "\n\ndata: x\r\n"], **odd))

    assert reply.text == "naïve 日本語 🦊\n\ndata: x\r\n"
    assert reply.end is not None
    assert reply.end.usage is not None


async def test_surrogate_halves_and_nul_lose_no_chunk(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(text="ok ", surrogate=True, nul=True))

    assert reply.text == "ok nul:\0!\ud83d\ude00 lone \ud800 end"


async def test_a_long_reply_is_equal_character_for_character(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(size=200_000, chunk=7))

    assert len(reply.text) == 200_000


@pytest.mark.parametrize("size", [600_000, 3_000_000])
async def test_an_event_of_many_megabytes_is_read(fake: FakeProvider, vendor: str, size: int) -> None:
    reply = await ask(vendor, scripted(size=size, chunk=size))

    assert len(reply.text) == size


async def test_an_event_larger_than_any_reply_is_too_long(fake: FakeProvider, vendor: str, settings: Settings) -> None:
    settings.MAX_REPLY_CHARS = 1000

    with pytest.raises(EventTooLong):
        await ask(vendor, scripted(size=3_000_000, chunk=3_000_000))


async def test_a_large_prompt_arrives(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, prompt("x" * 2_000_000))

    assert "You said" in reply.text


async def test_connections_are_reused(fake: FakeProvider, vendor: str) -> None:
    from llm.client.sessions import session

    for _ in range(3):
        await ask(vendor, "Hello")

    connector = session().connector
    assert connector is not None
    assert sum(len(each) for each in connector._conns.values()) == 1
