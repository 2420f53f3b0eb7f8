"""Replies of several steps on their way back to a vendor: what the fake received."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.errors import ProviderRefused
from llm.client.types import (
    Prompt,
    ProviderMetadata,
    Quirks,
    Reasoning,
    RequestedCall,
    Text,
    ToolResult,
)
from llm.testing import FakeProvider
from llm.tests.asking import CLOCK, SEARCH, SEARCH_MOON, Reply, ask, converse, prompt, running, scripted

pytestmark = pytest.mark.asyncio
FOREIGN = "skip_thought_signature_validator"
CALL = RequestedCall("c1", "search", '{"q": "moon"}')
RESULT = ToolResult("c1", "search", "Far away.")
OTHERS = ProviderMetadata("openai", "another", {"reasoning_content": "hm", "thoughtSignature": "x"})


def tools(script: str) -> Prompt:
    return replace(prompt(script), tools=(SEARCH, CLOCK))


def messages(fake: FakeProvider, number: int = -1) -> list[dict[str, Any]]:
    body = fake.requests()[number]["body"]
    return list(body.get("messages") or body.get("input") or body["contents"])


STEPS = scripted(
    steps=[
        {"text": "I look.", "calls": [SEARCH_MOON, {"name": "clock"}], "signature": "sig-a"},
        {"calls": [{"name": "clock", "arguments": {"zone": "UTC"}}], "signature": "sig-b"},
        {"text": "Done."},
    ]
)


async def test_a_reply_of_three_steps(fake: FakeProvider, vendor: str) -> None:
    replies = await converse(vendor, tools(STEPS), "one", "two")

    assert [reply.text for reply in replies] == ["I look.", "", "Done."]
    assert [len(reply.calls) for reply in replies] == [2, 1, 0]
    assert [each["status"] for each in fake.requests()] == [200] * 3


async def test_what_openai_receives(fake: FakeProvider) -> None:
    first, *_ = await converse("openai", tools(STEPS), "one", "two")

    _, said, one, two, again, three = messages(fake)
    assert (said["role"], said["content"], again["content"]) == ("assistant", "I look.", None)
    call = said["tool_calls"][0]
    assert call["function"] == {"name": "search", "arguments": first.of(RequestedCall)[0].arguments}
    assert call["extra_content"] == {"google": {"thought_signature": "sig-a"}}
    assert "extra_content" not in said["tool_calls"][1]
    assert [one, two] == [{"role": "tool", "tool_call_id": each["id"], "content": "one"} for each in said["tool_calls"]]
    assert three == {"role": "tool", "tool_call_id": again["tool_calls"][0]["id"], "content": "two"}


async def test_what_gemini_receives(fake: FakeProvider) -> None:
    await converse("gemini", tools(STEPS), "one", "two")

    _, said, answered, again, last = messages(fake)
    assert [each["role"] for each in messages(fake)] == ["user", "model", "user", "model", "user"]
    text, search, clock = said["parts"]
    assert text == {"text": "I look."}
    assert search["functionCall"] == {**call_of(SEARCH_MOON), "id": search["functionCall"]["id"]}
    assert (search["thoughtSignature"], again["parts"][0]["thoughtSignature"]) == ("sig-a", "sig-b")
    assert "thoughtSignature" not in clock
    first, second = (part["functionResponse"] for part in answered["parts"])
    assert first == {"id": search["functionCall"]["id"], "name": "search", "response": {"output": "one"}}
    assert second == {"id": clock["functionCall"]["id"], "name": "clock", "response": {"output": "one"}}
    assert len(last["parts"]) == 1


def call_of(scripted_call: dict[str, Any]) -> dict[str, Any]:
    return {"name": scripted_call["name"], "args": scripted_call["arguments"]}


async def test_later_text_becomes_a_message_of_its_own(fake: FakeProvider, vendor: str) -> None:
    past = running(Text("I look."), CALL, RESULT, Text("It is far.")).messages
    await ask(vendor, prompt("And the sun?", *past))

    if vendor == "openai":
        contents = [(each["role"], each["content"]) for each in messages(fake)[1:]]
        expected = [("assistant", "I look."), ("tool", "Far away."), ("assistant", "It is far.")]
        assert contents == [*expected, ("user", "And the sun?")]
    elif vendor == "responses":
        assert [each.get("content") or each["type"] for each in messages(fake)[1:]] == [
            "I look.", "function_call", "function_call_output", "It is far.", "And the sun?",
        ]  # fmt: skip
    elif vendor == "anthropic":
        said, answered, later, asked = messages(fake)[1:]
        assert [each["type"] for each in said["content"]] == ["text", "tool_use"]
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "Far away."}
        assert answered == {"role": "user", "content": [result]}
        assert (later["content"], asked["content"]) == ("It is far.", "And the sun?")
    else:
        assert [min(part) for each in messages(fake)[1:] for part in each["parts"]] == [
            "text", "functionCall", "functionResponse", "text", "text",
        ]  # fmt: skip
        assert "thoughtSignature" not in str(messages(fake))


async def test_text_behind_a_call_stays_in_its_step(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, running(CALL, Text("I look."), RESULT))

    assert len(messages(fake)) == (4 if vendor == "responses" else 3)


async def test_errors_are_said(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, running(CALL, replace(RESULT, output="No net.", is_error=True)))

    last = messages(fake)[-1]
    if vendor == "openai":
        assert last["content"] == "Error: No net."
    elif vendor == "responses":
        assert last == {"type": "function_call_output", "call_id": "c1", "output": "Error: No net."}
    elif vendor == "anthropic":
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "No net.", "is_error": True}
        assert last["content"] == [result]
    else:
        assert last["parts"][0]["functionResponse"]["response"] == {"error": "No net."}


@pytest.mark.parametrize("text", ['{"q": "mo', "[1]", "", "NaN"])
async def test_arguments_that_are_no_object_are_wrapped(fake: FakeProvider, vendor: str, text: str) -> None:
    await ask(vendor, running(replace(CALL, arguments=text), RESULT))

    said = messages(fake)[-2]
    if vendor == "openai":
        assert said["tool_calls"][0]["function"]["arguments"].startswith('{"not_valid_json":')
    elif vendor == "responses":
        assert said["arguments"].startswith('{"not_valid_json":')
    elif vendor == "anthropic":
        assert said["content"][0]["input"] == {"not_valid_json": text}
    else:
        assert said["parts"][0]["functionCall"]["args"] == {"not_valid_json": text}


async def test_valid_arguments_go_back_as_they_were_written(fake: FakeProvider) -> None:
    text = '{ "q" :1.0,\n"ü": 12345678901234567890123}'
    await ask("openai", running(replace(CALL, arguments=text), RESULT))

    assert messages(fake)[-2]["tool_calls"][0]["function"]["arguments"] == text


@pytest.mark.parametrize(("name", "sent"), [("my tool.x", "my_tool_x"), ("", "unknown"), ("ä" * 70, "_" * 64)])
async def test_impossible_names_are_made_possible(fake: FakeProvider, vendor: str, name: str, sent: str) -> None:
    await ask(vendor, running(replace(CALL, name=name), replace(RESULT, name=name)))

    assert f"'name': '{sent}'" in str(messages(fake))


async def test_another_models_state_and_all_thoughts_stay_here(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, running(Reasoning("Secret thought."), OTHERS, Text("I look."), CALL, OTHERS, RESULT))

    body = str(messages(fake))
    assert "Secret" not in body
    assert "hm" not in body
    assert "'x'" not in body


@pytest.mark.parametrize(
    ("model", "signatures"), [("gemini-3.5-flash-lite", [FOREIGN, FOREIGN]), ("gemini-2.5-flash", [])]
)
async def test_calls_of_another_model_are_excused_in_a_running_turn(
    fake: FakeProvider, settings: Settings, model: str, signatures: list[str]
) -> None:
    settings.GEMINI_MODEL = model
    second = replace(CALL, id="c2"), replace(CALL, id="c3"), replace(RESULT, call="c2"), replace(RESULT, call="c3")
    await ask("gemini", running(CALL, OTHERS, RESULT, *second))

    parts = [part for each in messages(fake) for part in each["parts"]]
    assert [part["thoughtSignature"] for part in parts if "thoughtSignature" in part] == signatures
    assert [bool(part.get("thoughtSignature")) for part in parts if "functionCall" in part][2] is False


@pytest.mark.parametrize("calls", [[], [{"name": "clock"}]], ids=["text", "calls"])
async def test_a_signature_alone_goes_back_alone(fake: FakeProvider, calls: list[dict[str, Any]]) -> None:
    script = scripted(text="Hm.", calls=calls, signature="sig-z", oddities=["lone_signature"])
    reply = await ask("gemini", script)

    assert reply.of(ProviderMetadata)[0].value == {"text": "", "thoughtSignature": "sig-z"}
    assert reply.of(ProviderMetadata)[0].provider == "gemini"
    await ask("gemini", running(*reply.parts, *results_of(reply), script=script))
    signed = [part for part in messages(fake)[1]["parts"] if "thoughtSignature" in part]
    assert signed == [{"text": "", "thoughtSignature": "sig-z"}]


def results_of(reply: Reply) -> list[ToolResult]:
    return [ToolResult(call.id, call.name, "ok") for call in reply.of(RequestedCall)]


@pytest.mark.parametrize(
    ("oddities", "field"),
    [([], "reasoning_content"), (["reasoning_field"], "reasoning"), (["reasoning_details"], "reasoning_details")],
)
async def test_thoughts_go_back_to_the_server_that_wants_them(
    fake: FakeProvider, oddities: list[str], field: str
) -> None:
    script = scripted(
        steps=[{"reasoning": "Let me think.", "calls": [{"name": "clock"}], "signature": "s"}, {}], oddities=oddities
    )
    first, _ = await converse("openai", tools(script), "noon")

    said = messages(fake)[1]
    details = [{"type": "reasoning.text", "index": 0, "text": "Let me think.", "signature": "s"}]
    assert said[field] == (details if field == "reasoning_details" else "Let me think.")
    assert len({"reasoning", "reasoning_content", "reasoning_details"} & said.keys()) == 1
    assert first.reasoning == "Let me think."
    assert first.of(ProviderMetadata)[0].model == "gpt-6-luna"


async def test_deepseek_gets_the_field_even_if_empty(fake: FakeProvider) -> None:
    await ask("openai", running(CALL, RESULT), quirks=Quirks(wants_reasoning_content=True))

    assert messages(fake)[1]["reasoning_content"] == ""


async def test_the_fake_refuses_what_vendors_refuse(fake: FakeProvider, vendor: str) -> None:
    for parts in ((CALL,), (RESULT,), (CALL, replace(RESULT, call="c2"))):
        with pytest.raises(ProviderRefused):
            await ask(vendor, running(*parts))
    with pytest.raises(ProviderRefused, match="bad_tool_name"):
        await ask(vendor, replace(prompt("Hi"), tools=(replace(CLOCK, name="a b"),)))


SIGNED = scripted(steps=[{"calls": [{"name": "search"}], "signature": "s"}, {"text": "Done."}])


async def test_the_fake_asks_for_its_signatures(fake: FakeProvider, settings: Settings) -> None:
    settings.GEMINI_MODEL = "gemini-2.5-flash"  # to which we send no excuse

    with pytest.raises(ProviderRefused, match="missing_thought_signature"):
        await ask("gemini", running(CALL, RESULT, script=SIGNED))


async def test_the_fake_knows_its_signatures(fake: FakeProvider) -> None:
    forged = ProviderMetadata("gemini", "gemini-3.5-flash-lite", {"thoughtSignature": "forged"})

    with pytest.raises(ProviderRefused, match="corrupted_thought_signature"):
        await ask("gemini", running(CALL, forged, RESULT, script=SIGNED))


THINKING = scripted(
    steps=[
        {"reasoning": "Let me\n\nthink.", "text": "I look.", "calls": [SEARCH_MOON, {"name": "clock"}]},
        {"reasoning": "More.", "calls": [{"name": "clock"}]},
        {"text": "Done."},
    ],
    oddities=["redacted_thinking", "phase"],
)


async def test_what_responses_receive(fake: FakeProvider) -> None:
    replies = await converse("responses", tools(THINKING), "one", "two")

    assert [reply.reasoning for reply in replies] == ["Let me\n\nthink.", "More.", ""]
    _, thought, said, search, clock, one, two, more, again, three = messages(fake)
    assert (thought["type"], len(thought["summary"]), more["id"]) == ("reasoning", 2, "rs_1")
    assert thought["encrypted_content"] not in ("", "cut")
    assert said == {"role": "assistant", "content": "I look.", "phase": "commentary"}
    assert (search["id"], search["call_id"], clock["call_id"]) == ("fc_0_0", "call_0_0", "call_0_1")
    assert [one["call_id"], two["call_id"], three["call_id"]] == ["call_0_0", "call_0_1", again["call_id"]]


async def test_our_names_of_calls_do_not_hide_theirs(fake: FakeProvider) -> None:
    first = await ask("responses", tools(THINKING))
    ours = {call.id: f"our{number}" for number, call in enumerate(first.of(RequestedCall))}
    said = [replace(part, id=ours[part.id]) if isinstance(part, RequestedCall) else part for part in first.parts]
    results = [ToolResult(id_, "any", "ok") for id_ in ours.values()]
    await ask("responses", running(*said, *results, script=THINKING, tools=(SEARCH, CLOCK)))

    answered = [each["call_id"] for each in messages(fake) if each.get("type") == "function_call_output"]
    assert answered == ["call_0_0", "call_0_1"]


async def test_what_anthropic_receives(fake: FakeProvider) -> None:
    replies = await converse("anthropic", tools(THINKING), "one", "two")

    assert [reply.reasoning for reply in replies] == ["Let me\n\nthink.", "More.", ""]
    _, said, answered, again, last = messages(fake)
    kinds = ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert [block["type"] for block in said["content"]] == kinds
    assert said["content"][3]["input"] == SEARCH_MOON["arguments"]
    assert said["content"][0]["thinking"] == "Let me\n\nthink."
    assert [block["tool_use_id"] for block in answered["content"]] == ["call_0_0", "call_0_1"]
    assert again["content"][0]["type"] == "thinking"
    assert len(last["content"]) == 1


async def test_a_thought_without_signature_stays_here(fake: FakeProvider) -> None:
    script = scripted(reasoning="Hm.", calls=[{"name": "clock"}], oddities=["unsigned"])
    first, _ = await converse("anthropic", tools(script), "noon")

    assert first.reasoning == "Hm."
    assert [block["type"] for block in messages(fake)[1]["content"]] == ["tool_use"]


@pytest.mark.parametrize(
    ("vendor", "change", "code"),
    [
        ("anthropic", {"thinking": "Other."}, "invalid_thinking_signature"),
        ("anthropic", {"signature": "other"}, "invalid_thinking_signature"),
        ("responses", {"encrypted_content": "other"}, "invalid_encrypted_content"),
        ("responses", {"id": "rs_9"}, "invalid_encrypted_content"),
    ],
)
async def test_the_fake_knows_its_thoughts(fake: FakeProvider, vendor: str, change: dict[str, str], code: str) -> None:
    script = scripted(reasoning="Hm.", calls=[{"name": "clock"}])
    first = await ask(vendor, tools(script))
    thought, *_ = first.of(ProviderMetadata)
    parts = [replace(part, value={**part.value, **change}) if part is thought else part for part in first.parts]

    with pytest.raises(ProviderRefused, match=code):
        await ask(vendor, running(*parts, *results_of(first), script=script))


async def test_a_thought_that_leads_to_nothing_stays_here(fake: FakeProvider) -> None:
    first = await ask("responses", tools(scripted(reasoning="Hm.", calls=[{"name": "clock"}])))
    thought = first.of(ProviderMetadata)[0]
    await ask("responses", running(CALL, thought, RESULT, Text("So."), thought))

    assert "reasoning" not in [each.get("type") for each in messages(fake)]
