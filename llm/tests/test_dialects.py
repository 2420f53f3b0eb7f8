"""How compatible servers differ in what they send, by kinds; what they really sent is in `data/upstream.json`."""

import asyncio
import json
import time
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.adapters.finish_reasons import FAILURES, REASONS, reason_of
from llm.client.errors import PromptBlocked, ProviderBroken, ProviderBusy, ProviderError, ProviderRefused
from llm.client.types import CitedSource, RequestedCall, TextDelta
from llm.testing import FakeProvider
from llm.tests.asking import ask, prompt, reply_of, scripted
from llm.tests.frames import DONE, event, gemini, openai, reply, responses

pytestmark = pytest.mark.asyncio
every = pytest.mark.parametrize("vendor", ["openai", "responses", "anthropic", "gemini"])


@pytest.fixture(params=["openai", "gemini"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Those whose chunks are written here one by one."""
    return str(request.param)


# --- reasons ----------------------------------------------------------------------------------------------------------
SPELLINGS: dict[str, Any] = {
    "as it is": str,
    "upper": str.upper,
    "title": str.title,
    "dashed": lambda word: word.replace("_", "-"),
    "enum": lambda word: f"FINISH_REASON_{word.upper()}",
    "padded": lambda word: f" {word}\0\ud800\n",
}
KNOWN = [
    *(
        (word, "stop")
        for word in ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "end", "complete", "COMPLETED")
    ),
    *((word, "length") for word in ("length", "model_length", "max_tokens", "max_output_tokens", "token_limit")),
    ("model_context_window_exceeded", "length"),
    *(
        (word, "content_filter")
        for word in ("content_filter", "safety", "RECITATION", "guardrail_intervened", "sensitive")
    ),
    ("refusal", "refusal"),
    *((word, "other") for word in ("abort", "cancelled", "language", "pause_turn", "load", "repetition", "whatever")),
]


@pytest.mark.parametrize(("word", "reason"), KNOWN)
@every
async def test_a_reason_is_what_its_word_means(fake: FakeProvider, vendor: str, word: str, reason: str) -> None:
    found = await ask(vendor, scripted(answer=reply(vendor, word)))

    assert found.end is not None
    assert found.end.reason == reason
    assert {spelling: reason_of(vendor, write(word)) for spelling, write in SPELLINGS.items()} == dict.fromkeys(
        SPELLINGS, reason
    )


@pytest.mark.parametrize("word", [7, True, {"type": "stop"}, ["stop"]])
@every
async def test_a_reason_that_is_no_word_is_no_end(fake: FakeProvider, vendor: str, word: Any) -> None:
    found = await ask(vendor, scripted(answer=reply(vendor, word)))

    assert found.end is not None
    assert found.end.reason == "other"


@pytest.mark.parametrize("word", ["", "\0", "null", "FINISH_REASON_UNSPECIFIED", "not_finished", 0, False, [], {}])
@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])  # Responses end by an event
async def test_what_says_nothing_is_no_reason(fake: FakeProvider, vendor: str, word: Any) -> None:
    with pytest.raises(ProviderBroken, match="without a finish reason"):
        await ask(vendor, scripted(answer=reply(vendor, word)))


@pytest.mark.parametrize("word", ["error", "insufficient_system_resource", "network_error", "overloaded"])
async def test_a_shortage_is_busy_and_tried_again_before_any_text(fake: FakeProvider, vendor: str, word: str) -> None:
    with pytest.raises(ProviderBusy):
        await ask(vendor, scripted(answer=reply(vendor, word)))
    assert len(fake.requests()) == 1

    nothing = gemini([], word) if vendor == "gemini" else openai({}, word) + DONE
    with pytest.raises(ProviderBusy):
        await ask(vendor, scripted(answer=nothing))
    assert len(fake.requests()) == 4


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "malformed_tool_use"])
async def test_a_broken_call_is_a_failure_even_after_an_end(fake: FakeProvider, vendor: str, word: str) -> None:
    last = gemini([], word) if vendor == "gemini" else openai({}, word)

    with pytest.raises(ProviderBroken, match=word):
        await ask(vendor, scripted(answer=reply(vendor).replace(DONE, "") + last))


async def test_no_word_has_two_meanings() -> None:
    assert not REASONS.keys() & FAILURES.keys()


@pytest.mark.parametrize("first", ["length", "content_filter", "whatever"])
async def test_stop_hides_no_other_reason(fake: FakeProvider, vendor: str, first: str) -> None:
    begin = gemini([{"text": "So"}], first) if vendor == "gemini" else openai({"content": "So"}, first)

    found = await ask(vendor, scripted(answer=begin + reply(vendor)))

    assert found.end is not None
    assert found.end.reason == ("other" if first == "whatever" else first)


async def test_calls_are_not_made_after_an_end_that_nobody_knows(fake: FakeProvider) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}

    found = await ask("openai", scripted(answer=openai({"tool_calls": [call]}, "abort") + DONE))

    assert found.end is not None
    assert found.end.reason == "other"


async def test_an_early_reason_does_not_make_a_cut_reply_whole(fake: FakeProvider, vendor: str) -> None:
    early = gemini([{"text": "a"}], "STOP") + gemini([{"text": "b"}])
    frames = early if vendor == "gemini" else openai({"reasoning_content": "a"}, "stop") + openai({"content": "b"})

    with pytest.raises(ProviderBroken):
        await ask(vendor, scripted(answer=frames, garbled_after=0, delay=0.1))


# --- errors in a 200 --------------------------------------------------------------------------------------------------
ERRORS: list[tuple[Any, type[ProviderError]]] = [
    ({"error": {"message": "?", "code": 429}}, ProviderBusy),
    ({"error": {"message": "?", "code": "429"}}, ProviderBusy),
    ({"error": {"message": "?", "code": 503, "status": "UNAVAILABLE"}}, ProviderBusy),
    ([{"error": {"code": 503, "status": "UNAVAILABLE"}}], ProviderBusy),
    ([{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}], ProviderRefused),
    ({"error": {"code": 400, "type": "exceed_context_size_error"}}, ProviderRefused),
    ({"error": {"type": "overloaded_error"}}, ProviderBusy),
    ({"error": "Rate limit exceeded, try again later"}, ProviderBusy),
    ({"error": {"code": "content_filter"}}, PromptBlocked),
    ({"error": {"code": 1302, "message": "?"}}, ProviderBroken),
    ({"object": "error", "message": "?", "type": "BadRequestError", "code": 400}, ProviderRefused),
    ({"object": "error", "message": "?", "type": "InternalServerError", "code": 500}, ProviderBusy),
    ({"code": 503, "message": "?"}, ProviderBusy),
    ({"detail": "Too many requests"}, ProviderBusy),
    ({"detail": "?"}, ProviderBroken),
    ({"status": 502, "error": "Bad Gateway"}, ProviderBusy),
    ({"hello": "world"}, ProviderBroken),
]
FRAMES: dict[str, Any] = {
    "framed": event,
    "named": lambda error: f"event: error\n{event(error)}",
    "document": json.dumps,
    "pretty": lambda error: json.dumps(error, indent=2).replace("\n", "\r\n"),
    "spaced": lambda error: f"\n\n {json.dumps(error, indent=1)}\n\n",
    "before done": lambda error: f"{json.dumps(error)}\n\n{DONE}",
    "after comments": lambda error: f": WAIT\n\n{json.dumps(error)}\n",
}


@pytest.mark.parametrize(("error", "kind"), ERRORS, ids=[json.dumps(error)[:40] for error, _ in ERRORS])
@every
async def test_an_error_in_a_200_is_what_it_would_be_as_a_status(
    fake: FakeProvider, vendor: str, settings: Settings, error: Any, kind: type[ProviderError]
) -> None:
    settings.PROVIDER_RETRIES = 0

    with pytest.raises(ProviderError) as caught:
        await ask(vendor, scripted(answer=json.dumps(error), content_type="application/json"))

    assert type(caught.value) is kind


@pytest.mark.parametrize("frame", FRAMES)
@every
async def test_an_error_in_a_200_is_tried_again_however_it_is_framed(
    fake: FakeProvider, vendor: str, frame: str
) -> None:
    error = FRAMES[frame]({"error": {"code": 503, "message": "?"}})
    fake.script(answer=error, content_type="application/json" if frame in ("document", "pretty") else "")
    fake.script(answer=reply(vendor))

    assert (await ask(vendor, "Question")).text == "Whole answer."
    assert len(fake.requests()) == 2


@pytest.mark.parametrize("frame", FRAMES)
@every
async def test_an_error_after_an_end_is_an_error(fake: FakeProvider, vendor: str, frame: str) -> None:
    whole = reply(vendor).replace(DONE, "")

    with pytest.raises(ProviderBusy):
        await ask(vendor, scripted(answer=whole + FRAMES[frame]({"error": {"code": 503}})))
    with pytest.raises(ProviderBroken):
        await ask(vendor, scripted(answer=whole + FRAMES[frame]({"error": {"code": 1302}})))

    assert len(fake.requests()) == 2


@pytest.mark.parametrize(
    "tail", ["gateway: connection lost\n", "<html>\n", "{broken", "[1, 2", "data: null\n\n", "data: 7"]
)
@every
async def test_nonsense_after_the_end_takes_nothing_away(fake: FakeProvider, vendor: str, tail: str) -> None:
    found = await ask(vendor, scripted(answer=reply(vendor).replace(DONE, "") + tail))

    assert found.text == "Whole answer."


# --- shapes -----------------------------------------------------------------------------------------------------------
def choice(**fields: Any) -> str:
    return event({"choices": [{"index": 0} | fields]})


def parts(*given: Any) -> str:
    return openai({"role": "assistant", "content": list(given)})


STOP = openai({}, "stop") + DONE
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
MOSS, GROWS, MOSS_GROWS = {"content": "Moss "}, {"content": "grows."}, {"content": "Moss grows."}
SUMMARY = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
SHAPES: dict[str, str] = {
    "tokens are counted": choice(delta=MOSS) + choice(delta=GROWS, index=9),
    "parts": parts(THOUGHT) + parts({"type": "text", "text": "Moss "}) + openai(GROWS),
    "thought as text": parts({"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Moss grows."}),
    "reasoning part": parts({"type": "reasoning", "text": "Hm."}, {"type": "output_text", "text": "Moss grows."}),
    "reasoning summary": parts(SUMMARY, "Moss grows."),
    "bare parts": parts("Moss ", {"text": {"value": "grows."}}, {"type": "reference", "reference_ids": [1]}, None, 7),
    "one part": openai({"content": {"type": "text", "text": "Moss grows."}}),
    "parts in reasoning": openai({"reasoning_content": [{"type": "text", "text": "Hm."}]}) + openai(MOSS_GROWS),
    "message": choice(message=MOSS_GROWS, delta=None),
    "messages": choice(message=MOSS) + choice(message=GROWS),
    "growing messages": choice(message=MOSS) + choice(message=MOSS_GROWS) * 2,
    "parts in a message": choice(message={"content": [THOUGHT, {"type": "text", "text": "Moss grows."}]}),
    "message says it again": openai(MOSS) + openai(GROWS) + choice(message=MOSS_GROWS),
    "text": choice(text="Moss ") + choice(text="grows."),
    "bare delta": choice(delta="Moss ") + choice(delta="grows."),
    "one choice without a list": event({"choices": {"delta": MOSS_GROWS}}),
    "nothing": event({"choices": [None]}) + event({"choices": None}) + openai() + openai(MOSS_GROWS),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_text_is_found_wherever_servers_put_it(fake: FakeProvider, shape: str) -> None:
    found = await ask("openai", scripted(answer=SHAPES[shape] + STOP))

    assert found.text == "Moss grows."
    assert found.reasoning == ("Hm." if "Hm." in SHAPES[shape] else "")


TOKENS = choice(delta=MOSS, index=1) + choice(delta=GROWS, index=2) + choice(delta={}, finish_reason="stop", index=3)


async def test_an_index_counts_tokens_beside_log_probabilities_too(fake: FakeProvider) -> None:
    found = await ask("openai", prompt(scripted(answer=TOKENS + DONE), logprobs=True))

    assert found.text == "Moss grows."


def of_item(kind: str, item: dict[str, Any], place: int = 0) -> str:
    return event({"type": f"response.output_item.{kind}", "output_index": place, "item": item})


def of_message(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content)}


def ended(*output: dict[str, Any]) -> str:
    return event({"type": "response.completed", "response": {"model": "m", "output": list(output)}})


URL = "https://a.example/"
SAID = of_message({"type": "output_text", "text": "Moss grows.", "annotations": [{"type": "url_citation", "url": URL}]})
THOUGHTS = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
CALLED = {"type": "function_call", "id": "fc", "call_id": "c", "name": "search", "arguments": '{"q": "moon"}'}
THINKS = event({"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "Hm."})
SPEAKS = responses("Moss ") + responses("grows.")
ITEMS: dict[str, str] = {
    "in whole items": "".join(of_item("done", each, place) for place, each in enumerate((THOUGHTS, SAID, CALLED))),
    "in whole items and again": of_item("done", THOUGHTS) + of_item("done", SAID, 1) + of_item("done", CALLED, 2),
    "only begun": of_item("added", of_message()) + of_item("added", {**CALLED, "arguments": ""}, 2),
    "text alone": SPEAKS,
    "thoughts alone": THINKS,
    "thoughts, and a whole message": THINKS
    + of_item("done", THOUGHTS)
    + of_item("done", SAID)
    + of_item("done", CALLED),
    "text, and whole thoughts": of_item("done", THOUGHTS) + SPEAKS + of_item("done", SAID) + of_item("done", CALLED),
    "all of it": THINKS + of_item("done", THOUGHTS) + SPEAKS + of_item("done", SAID, 1) + of_item("done", CALLED, 2),
}


@pytest.mark.parametrize("shape", ITEMS)
async def test_what_an_item_says_is_told_once(fake: FakeProvider, shape: str) -> None:
    last = ended() if shape == "in whole items" else ended(THOUGHTS, SAID, CALLED)
    found = await ask("responses", scripted(answer=ITEMS[shape] + last))

    assert (found.reasoning, found.text, found.calls) == ("Hm.", "Moss grows.", [("search", {"q": "moon"})])
    assert [source.url for source in found.of(CitedSource)] == [URL]


def completion(**message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    last = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"object": "chat.completion", "model": "plain", "choices": [last], "usage": usage}


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_plain_completion_is_an_answer(fake: FakeProvider, indent: int | None) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    whole = completion(content="Moss grows.", reasoning_content="Hm.", tool_calls=[call, {**call, "id": "c2"}])

    found = await ask("openai", scripted(answer=json.dumps(whole, indent=indent), content_type="application/json"))

    assert (found.text, found.reasoning, len(found.of(RequestedCall))) == ("Moss grows.", "Hm.", 2)
    assert found.end is not None
    assert (found.end.model, found.end.usage and found.end.usage.completion) == ("plain", 2)


@pytest.mark.parametrize("indent", [None, 2])
async def test_gemini_may_send_its_chunks_as_a_list(fake: FakeProvider, indent: int | None) -> None:
    chunks = [json.loads(each[6:]) for each in reply("gemini").split("\n\n") if each]

    found = await ask("gemini", scripted(answer=json.dumps(chunks, indent=indent), content_type="application/json"))

    assert found.text == "Whole answer."


@every
async def test_one_object_a_line_is_a_stream_too(fake: FakeProvider, vendor: str) -> None:
    lines = reply(vendor).replace(DONE, "").replace("data: ", "").replace("\n\n", "\n")

    assert (await ask(vendor, scripted(answer=lines))).text == "Whole answer."


async def test_gemini_text_without_parts(fake: FakeProvider) -> None:
    frames = event({"candidates": [{"content": "Whole "}]}) + event(
        {"candidates": {"content": {"parts": {"text": "answer."}}}}
    )

    assert (await ask("gemini", scripted(answer=frames + gemini([], "STOP")))).text == "Whole answer."


# --- requests that a server refuses -----------------------------------------------------------------------------------
@pytest.fixture
def strict(fake: FakeProvider, settings: Settings) -> FakeProvider:
    """Give each test a server that nothing is known of."""
    settings.OPENAI_API_KEY = f"sk-{time.monotonic_ns()}"
    return fake


def asked_for(fake: FakeProvider) -> list[list[str]]:
    names = ("stream_options", "max_completion_tokens", "max_tokens")
    return [[name for name in names if name in each["body"]] for each in fake.requests()]


FIRST, WITH_MAX_TOKENS = ["stream_options", "max_completion_tokens"], ["stream_options", "max_tokens"]


@pytest.mark.parametrize(
    ("refuses", "params", "asked"),
    [
        (["stream_options"], {}, [["stream_options"], []]),
        (["max_completion_tokens"], {"max_tokens": 9}, [FIRST, WITH_MAX_TOKENS]),
        (["max_completion_tokens", "stream_options"], {"max_tokens": 9}, [FIRST, WITH_MAX_TOKENS, ["max_tokens"]]),
    ],
)
async def test_a_refused_field_is_left_out_and_remembered(
    strict: FakeProvider, refuses: list[str], params: dict[str, int], asked: list[list[str]]
) -> None:
    question = prompt(scripted(refuses=refuses, text="Here."), **params)

    assert (await ask("openai", question)).text == "Here."
    assert asked_for(strict) == asked

    assert (await ask("openai", question)).text == "Here."
    assert asked_for(strict) == [*asked, asked[-1]]


async def test_a_422_is_understood_as_well(strict: FakeProvider) -> None:
    reply = await ask(
        "openai", scripted(status=422, error_code="extra_forbidden_stream_options", times=1, text="Here.")
    )

    assert reply.text == "Here."


async def test_what_does_not_help_is_not_remembered(strict: FakeProvider) -> None:
    refused = prompt(scripted(status=400, error_code="max_completion_tokens_too_large"), max_tokens=9)

    with pytest.raises(ProviderRefused):
        await ask("openai", refused)
    await ask("openai", prompt("Hello", max_tokens=9))

    assert asked_for(strict) == [FIRST, WITH_MAX_TOKENS, FIRST]


async def test_other_refusals_are_not_repeated(strict: FakeProvider) -> None:
    with pytest.raises(ProviderRefused):
        await ask("openai", prompt(scripted(status=400, error_code="max_tokens")))

    assert len(strict.requests()) == 1


async def test_a_setting_says_so_beforehand(strict: FakeProvider, settings: Settings) -> None:
    settings.OPENAI_QUIRKS = ["refuses_stream_options", "wants_max_tokens"]

    await ask("openai", prompt(scripted(refuses=["stream_options", "max_completion_tokens"]), max_tokens=9))

    assert asked_for(strict) == [["max_tokens"]]


# --- on the wire ------------------------------------------------------------------------------------------------------
GARBAGE = ["zz\r\n", "-5\r\nabc\r\n", "3\r\nabcdefgh\r\n", "f" * 40 + "\r\n", "data: {}\n\n", "\r\n\r\n", "<html>"]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("place", [0, 2])
@every
async def test_a_broken_chunk_is_noticed_at_once(fake: FakeProvider, vendor: str, garbage: str, place: int) -> None:
    started = time.monotonic()

    with pytest.raises(ProviderError):
        await ask(vendor, scripted(chunks=["a", "b", "c"], garbled_after=place, garbage=garbage))

    assert time.monotonic() - started < 2


@every
async def test_text_before_a_broken_chunk_is_kept(fake: FakeProvider, vendor: str) -> None:
    events = reply_of(vendor, prompt(scripted(chunks=["a", "b", "c"], garbled_after=2, first_delay=0.1)))

    assert [await anext(events), await anext(events)] == [TextDelta("a"), TextDelta("b")]
    with pytest.raises(ProviderBroken):
        await anext(events)


@every
async def test_a_large_event_holds_up_nobody_for_long(fake: FakeProvider, vendor: str) -> None:
    longest, before = 0.0, time.thread_time()  # of the loop's own work: what else the machine does is not its fault

    async def watch() -> None:
        nonlocal longest, before
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            longest, before = max(longest, now - before), now

    watching = asyncio.create_task(watch())
    found = await ask(vendor, scripted(size=8_000_000, chunk=8_000_000))
    watching.cancel()

    assert len(found.text) == 8_000_000
    assert longest < 0.5, f"{longest:.3f} s"
