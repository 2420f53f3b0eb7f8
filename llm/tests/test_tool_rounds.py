"""Replies of several steps on their way back to a vendor: what the fake received."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.errors import ProviderRefused
from llm.client.types import (
    Prompt,
    ProviderMetadata,
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
    return list(body.get("messages") or body["contents"])


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
    else:
        assert [min(part) for each in messages(fake)[1:] for part in each["parts"]] == [
            "text", "functionCall", "functionResponse", "text", "text",
        ]  # fmt: skip
        assert "thoughtSignature" not in str(messages(fake))


async def test_text_behind_a_call_stays_in_its_step(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, running(CALL, Text("I look."), RESULT))

    assert len(messages(fake)) == 3


async def test_errors_are_said(fake: FakeProvider, vendor: str) -> None:
    await ask(vendor, running(CALL, replace(RESULT, output="No net.", is_error=True)))

    last = messages(fake)[-1]
    if vendor == "openai":
        assert last["content"] == "Error: No net."
    else:
        assert last["parts"][0]["functionResponse"]["response"] == {"error": "No net."}


@pytest.mark.parametrize("text", ['{"q": "mo', "[1]", "", "NaN"])
async def test_arguments_that_are_no_object_are_wrapped(fake: FakeProvider, vendor: str, text: str) -> None:
    await ask(vendor, running(replace(CALL, arguments=text), RESULT))

    said = messages(fake)[-2]
    if vendor == "openai":
        assert said["tool_calls"][0]["function"]["arguments"].startswith('{"not_valid_json":')
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


async def test_deepseek_gets_the_field_even_if_empty(fake: FakeProvider, settings: Settings) -> None:
    settings.OPENAI_API_KEY = ""
    settings.OPENAI_BASE_URL = fake.openai_base_url.replace("://", "://deepseek@")
    await ask("openai", running(CALL, RESULT))

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
