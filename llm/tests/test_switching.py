"""One chat, answered by every vendor in turn: each is shown what the others said and called, nothing else of theirs."""

from itertools import permutations
from typing import Any

import pytest

from llm.client.types import Prompt, PromptMessage, PromptPart, RequestedCall, Text, ToolResult
from llm.testing import FakeProvider
from llm.tests.asking import CLOCK, SEARCH, SEARCH_MOON, ask, scripted

pytestmark = pytest.mark.asyncio
VENDORS = ("openai", "responses", "anthropic", "gemini")
STEPS: list[dict[str, Any]] = [
    {"reasoning": "Hm.", "text": "I look.", "calls": [SEARCH_MOON, {"name": "clock"}], "signature": "s"},
    {"reasoning": "Ah.", "calls": [{"name": "clock", "arguments": {"zone": "UTC"}}], "signature": "s"},
    {"text": "Far away.", "signature": ""},
]
SCRIPT = scripted(steps=STEPS)


async def turn(vendor: str, before: tuple[PromptMessage, ...]) -> tuple[PromptMessage, PromptMessage]:
    """Ask a vendor with a history; return the question and its reply of three steps, as it would go back."""
    question, parts = PromptMessage("user", SCRIPT), tuple[PromptPart, ...]()
    for step in range(3):
        running = (PromptMessage("assistant", "", parts),) if parts else ()
        reply = await ask(vendor, Prompt("", "Be brief.", (*before, question, *running), tools=(SEARCH, CLOCK)))
        calls = reply.of(RequestedCall)
        assert len(calls) == (2, 1, 0)[step]
        parts = (*parts, *reply.parts, *(ToolResult(call.id, call.name, "ok") for call in calls))
    text = "".join(part.text for part in parts if isinstance(part, Text))
    return question, PromptMessage("assistant", text, parts)


@pytest.mark.parametrize("order", list(permutations(VENDORS)), ids="-".join)
async def test_any_vendor_goes_on_after_any_other(fake: FakeProvider, order: tuple[str, ...]) -> None:
    history: tuple[PromptMessage, ...] = ()
    for vendor in (*order, order[0]):
        history = (*history, *await turn(vendor, history))

    assert [each.text for each in history[1::2]] == ["I look.Far away."] * 5
    assert {each["status"] for each in fake.requests()} == {200}


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in VENDORS for b in VENDORS if a != b])
async def test_nothing_foreign_is_sent(fake: FakeProvider, first: str, second: str) -> None:
    """Within a turn, too: another vendor may take over between two steps."""
    question, reply = await turn(first, ())
    fake.clear()
    taken_over = PromptMessage("assistant", "", reply.parts[:-1])
    await ask(second, Prompt("", "", (question, reply, question, taken_over), tools=(SEARCH, CLOCK)))

    body = str(fake.requests()[-1]["body"])
    for foreign in ("Hm.", "Ah.", "encrypted_content'", "'signature'", "redacted", "rs_0", "fc_0"):
        assert f"'{foreign}" not in body.replace(SCRIPT, "")
    assert "skip_thought_signature_validator" in body or second != "gemini"
