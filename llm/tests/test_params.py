"""What may be asked of a model, in the words of each dialect; the fake refuses what its vendor would."""

import base64
import hashlib
from dataclasses import replace
from typing import Any, get_args

import pytest

from llm.client.types import Effort, File, PromptMessage, Text
from llm.testing import FakeProvider
from llm.tests.asking import CALL_OF_SEARCH, CLOCK, SEARCH, ask, prompt, running, scripted

pytestmark = pytest.mark.asyncio
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORM = {"type": "json_schema", "json_schema": {"name": "form", "schema": SCHEMA, "strict": True}}
EFFORTS: tuple[Effort, ...] = get_args(Effort)
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()


async def body_of(fake: FakeProvider, vendor: str, model: str = "", tools: bool = False, **params: Any) -> Any:
    asked = replace(prompt("Hello", **params), model=model, tools=(SEARCH, CLOCK) if tools else ())
    await ask(vendor, asked)
    return fake.requests()[-1]["body"]


ALL: dict[str, Any] = {
    "max_tokens": 9, "stop": ["END"], "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2, "temperature": 0.5,
    "response_format": FORM,
}  # fmt: skip
SAID: dict[str, dict[str, Any]] = {
    "openai": {**ALL, "max_completion_tokens": 9},
    "responses": {
        "max_output_tokens": 9,
        "temperature": 0.5,
        "text": {"format": {"type": "json_schema", "name": "form", "schema": SCHEMA, "strict": True}},
    },
    "anthropic": {
        "max_tokens": 9,
        "stop_sequences": ["END"],
        "temperature": 0.5,
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "gemini": {
        "generationConfig": {
            "maxOutputTokens": 9, "stopSequences": ["END"], "seed": 7, "presencePenalty": 0.1, "frequencyPenalty": 0.2,
            "temperature": 0.5, "responseMimeType": "application/json", "responseJsonSchema": SCHEMA,
            "thinkingConfig": {"includeThoughts": True},
        }
    },
}  # fmt: skip
USUAL = {
    "model", "messages", "input", "contents", "stream", "stream_options", "store", "include", "reasoning", "thinking",
}  # fmt: skip


async def test_each_says_what_it_can(fake: FakeProvider, vendor: str) -> None:
    body = await body_of(fake, vendor, **ALL)

    said = {name: value for name, value in body.items() if name not in USUAL}
    expected = SAID[vendor]
    if vendor == "openai":
        expected = {name: value for name, value in expected.items() if name != "max_tokens"}
    assert said == expected


async def test_nothing_is_said_that_nobody_asked_for(fake: FakeProvider, vendor: str) -> None:
    body = await body_of(fake, vendor)

    more = {"anthropic": {"max_tokens"}, "gemini": {"generationConfig"}}
    assert body.keys() - USUAL == more.get(vendor, set())


async def test_chat_completions_say_more(fake: FakeProvider) -> None:
    more = {"logprobs": True, "top_logprobs": 2, "logit_bias": {"50256": -100}, "n": 2}

    assert more.items() <= (await body_of(fake, "openai", **more)).items()
    for vendor in ("responses", "anthropic", "gemini"):
        assert not more.keys() & (await body_of(fake, vendor, **more)).keys()


@pytest.mark.parametrize("form", [{"type": "json_object"}, {"type": "text"}])
async def test_other_forms(fake: FakeProvider, vendor: str, form: dict[str, str]) -> None:
    body = await body_of(fake, vendor, response_format=form)

    is_json = form["type"] == "json_object"
    found = {
        "openai": body.get("response_format") == form,
        "responses": body.get("text") == {"format": form},
        "anthropic": "output_config" not in body,
        "gemini": ("responseMimeType" in body.get("generationConfig", {})) == is_json,
    }
    assert found[vendor]


CLAMPED: dict[str, list[Any]] = {
    "openai": list(EFFORTS),
    "responses": list(EFFORTS),
    "anthropic": [None, "low", "low", "medium", "high", "xhigh", "max"],
    "gemini": ["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH"],
}


@pytest.mark.parametrize("effort", EFFORTS)
async def test_effort_is_said_as_near_as_can_be(fake: FakeProvider, vendor: str, effort: Effort) -> None:
    body = await body_of(fake, vendor, effort=effort)

    said = {
        "openai": body.get("reasoning_effort"),
        "responses": body.get("reasoning", {}).get("effort"),
        "anthropic": body.get("output_config", {}).get("effort"),
        "gemini": body.get("generationConfig", {}).get("thinkingConfig", {}).get("thinkingLevel"),
    }
    assert said[vendor] == CLAMPED[vendor][EFFORTS.index(effort)]
    if vendor == "anthropic":
        assert body["thinking"]["type"] == ("disabled" if effort == "none" else "adaptive")


@pytest.mark.parametrize(
    ("vendor", "model", "effort", "thinking"),
    [
        ("gemini", "gemini-2.5-flash", "none", {"includeThoughts": True, "thinkingBudget": 0}),
        ("gemini", "gemini-2.5-pro", "none", {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini", "gemini-2.5-flash-lite", "max", {"includeThoughts": True, "thinkingBudget": 24_576}),
        ("gemini", "gemini-2.5-flash", "", {"includeThoughts": True}),
        ("gemini", "gemini-2.0-flash", "high", None),
        ("gemini", "gemini-2.5-flash-image", "high", None),
        ("gemini", "gemma-4-27b", "high", None),
        ("gemini", "gemini-10-flash", "", {"includeThoughts": True}),
        ("anthropic", "claude-sonnet-4-5", "high", {"type": "enabled", "budget_tokens": 16_384}),
        ("anthropic", "claude-opus-4-20250514", "minimal", {"type": "enabled", "budget_tokens": 2_048}),
        ("anthropic", "claude-haiku-4-5-20251001", "", None),
        ("anthropic", "claude-opus-4-6", "", {"type": "adaptive", "display": "summarized"}),
        ("anthropic", "claude-3-5-haiku-20241022", "high", None),
        ("responses", "gpt-4o", "", None),
        ("responses", "gpt-5-chat-latest", "", None),
        ("responses", "gpt-4o", "low", {"summary": "auto", "effort": "low"}),
        ("responses", "o4-mini", "", {"summary": "auto"}),
        ("responses", "openai/gpt-5.6-terra", "", {"summary": "auto"}),
    ],
)
async def test_models_that_think_otherwise(
    fake: FakeProvider, vendor: str, model: str, effort: str, thinking: dict[str, Any] | None
) -> None:
    asked = replace(prompt("Hello", **({"effort": effort} if effort else {})), model=model)
    if (vendor, model, effort) == ("responses", "gpt-4o", "low"):  # which its vendor refuses in its own words
        with pytest.raises(Exception, match="reasoning_not_supported"):
            await ask(vendor, asked)
    else:
        await ask(vendor, asked)

    body = fake.requests()[-1]["body"]
    found = {"gemini": body.get("generationConfig", {}).get("thinkingConfig"), "anthropic": body.get("thinking")}
    assert found.get(vendor, body.get("reasoning")) == thinking


@pytest.mark.parametrize("params", [{"temperature": 1.7}, {"top_p": 0.9}, {"temperature": 1.7, "top_p": 0.9}])
@pytest.mark.parametrize("effort", ["", "high"])
async def test_anthropic_samples_or_thinks(fake: FakeProvider, params: dict[str, Any], effort: str) -> None:
    body = await body_of(fake, "anthropic", **params, **({"effort": effort} if effort else {}))

    found = {name: body[name] for name in ("temperature", "top_p") if name in body}
    assert found == ({} if effort else {"temperature": 1} if "temperature" in params else {"top_p": 0.9})
    assert ("thinking" in body) == bool(effort)


CHOICES: dict[str, dict[str, Any]] = {
    "openai": {
        "auto": "auto", "none": "none", "required": "required",
        "clock": {"type": "function", "function": {"name": "clock"}},
    },
    "responses": {
        "auto": "auto", "none": "none", "required": "required", "clock": {"type": "function", "name": "clock"},
    },
    "anthropic": {
        "auto": None, "none": {"type": "none"}, "required": {"type": "any"}, "clock": {"type": "tool", "name": "clock"},
    },
    "gemini": {
        "auto": {"mode": "AUTO"}, "none": {"mode": "NONE"}, "required": {"mode": "ANY"},
        "clock": {"mode": "ANY", "allowedFunctionNames": ["clock"]},
    },
}  # fmt: skip


@pytest.mark.parametrize("choice", ["auto", "none", "required", "clock"])
async def test_which_tools_are_called(fake: FakeProvider, vendor: str, choice: str) -> None:
    wanted = {"name": "clock"} if choice == "clock" else choice
    body = await body_of(fake, vendor, tools=True, tool_choice=wanted)

    found = body.get("toolConfig", {}).get("functionCallingConfig") if vendor == "gemini" else body.get("tool_choice")
    assert found == CHOICES[vendor][choice]
    if vendor == "anthropic":
        assert ("thinking" in body) == (choice in ("auto", "none"))


async def test_one_call_at_a_time(fake: FakeProvider, vendor: str) -> None:
    body = await body_of(fake, vendor, tools=True, parallel_tool_calls=False)

    if vendor == "anthropic":
        assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    else:
        assert body.get("parallel_tool_calls") is (None if vendor == "gemini" else False)


async def test_without_tools_none_are_chosen(fake: FakeProvider, vendor: str) -> None:
    body = await body_of(fake, vendor, tool_choice="required", parallel_tool_calls=False)

    assert not {"tool_choice", "toolConfig", "parallel_tool_calls"} & body.keys()


async def test_images_and_documents_arrive(fake: FakeProvider, vendor: str) -> None:
    files = File("image/png", PIXEL, "a.png"), File("application/pdf", PDF, "b.pdf")
    message = PromptMessage("user", "What is this?", (*files, Text("What is this?")))
    reply = await ask(vendor, replace(prompt(""), messages=(message,)))

    image, document = fake.requests()[-1]["files"]
    assert "What is this?" in reply.text
    assert (image["media_type"], image["size"]) == ("image/png", 8)
    assert image["digest"] == hashlib.sha256(base64.b64decode(PIXEL)).hexdigest()
    assert (document["media_type"], document["size"]) == ("application/pdf", 8)


async def test_anthropic_reads_text_files_as_text(fake: FakeProvider) -> None:
    note = File("text/markdown", base64.b64encode("# Größe".encode()).decode(), "note.md")
    await ask("anthropic", replace(prompt(""), messages=(PromptMessage("user", "", (note, Text("Read."))),)))

    document, _ = fake.requests()[-1]["body"]["messages"][0]["content"]
    assert document["source"] == {"type": "text", "media_type": "text/plain", "data": "# Größe"}


@pytest.mark.parametrize("id_", ["call.1", "a:b", "x" * 64, "ä", ""])
async def test_ids_that_some_vendor_refuses_are_mapped(fake: FakeProvider, vendor: str, id_: str) -> None:
    call, result = CALL_OF_SEARCH
    await ask(vendor, running(replace(call, id=id_), replace(result, call=id_)))

    assert fake.requests()[-1]["status"] == 200


async def test_a_step_whose_thoughts_are_gone_thinks_no_more_by_budget(fake: FakeProvider) -> None:
    asked = replace(running(*CALL_OF_SEARCH, tools=(SEARCH,)), params={"effort": "high"}, model="claude-sonnet-4-5")
    await ask("anthropic", asked)
    assert "thinking" not in fake.requests()[-1]["body"]

    script = scripted(reasoning="Hm.", calls=[{"name": "clock"}])
    await ask("anthropic", replace(prompt(script, effort="high"), model="claude-sonnet-4-5"))
    assert fake.requests()[-1]["body"]["thinking"]["type"] == "enabled"
