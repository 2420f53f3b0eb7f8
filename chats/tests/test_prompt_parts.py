"""A reply with tools as a model is shown it again: each thing where it stood."""

import orjson
import pytest

from chats.parts import REASONING, TEXT, TOOL_CALL, TOOL_RESULT, Part, json_text
from chats.turns.prompt_parts import beside_of, metadata_chunk, reply_message
from chats.turns.reply_log import ReplyLog
from chats.turns.tool_calls import ToolCalls
from chats.turns.toolbox import Toolbox
from common.ids import uuid7
from llm.client.types import ProviderMetadata, RequestedCall, Text, ToolResult
from tools.functions import Caller, Tool


async def long_answer(caller: Caller) -> str:
    """Says a lot."""
    return "x" * 5000


TOOL = Tool("look_up", "Look up", long_answer, True)


def call(id_: str) -> Part:
    return TOOL_CALL, json_text({"id": id_, "name": "look_up", "input": {}, "state": "running"})


def result(id_: str, output: str = "short") -> Part:
    return TOOL_RESULT, json_text({"id": id_, "state": "complete", "output": output})


def state(value: int) -> ProviderMetadata:
    return ProviderMetadata("openai", "m", {"n": value})


def shown(parts: list[Part], *chunks: tuple[int, str, str]) -> list[object]:
    """Return texts, ids of calls, outputs, and the numbers that a provider's state carries."""
    found = list[object]()
    for part in reply_message(parts, beside_of(chunks)).parts:
        match part:
            case Text(text):
                found.append(text)
            case RequestedCall(id_):
                found.append(id_)
            case ToolResult(_, _, output):
                found.append(output)
            case ProviderMetadata(_, _, value):
                found.append(value["n"])
    return found


def test_state_goes_back_to_where_it_came() -> None:
    parts = [call("a"), result("a"), call("b")]
    first, second = len(parts[0][1]), len(parts[0][1]) + len(parts[1][1])
    chunks = [metadata_chunk(at, [state(n)]) for n, at in enumerate((0, first, second))]
    assert shown(parts, *chunks)[:6] == [0, "a", 1, "short", 2, "b"]


def test_state_within_text_stands_between_the_same_words() -> None:
    parts = [(REASONING, "hm"), (TEXT, "abcdef"), call("a")]
    assert shown(parts, metadata_chunk(5, [state(7)]))[:4] == ["abc", 7, "def", "a"]


@pytest.mark.asyncio
async def test_a_whole_output_and_the_state_that_follows_it_are_kept_apart() -> None:
    log = ReplyLog(uuid7(), uuid7(), uuid7(), 1)
    calls = ToolCalls(Toolbox(Caller(1, log.chat_id, log.reply_id), {"look_up": TOOL}), log, log.show)
    calls.take(RequestedCall("1", "look_up", "{}"))
    assert await calls.run_ready()
    calls.begin_step()
    calls.take(ProviderMetadata("openai", "m", {"n": 1}))  # before the second step has said anything
    calls.take(RequestedCall("1", "look_up", "{}"))
    assert await calls.run_ready()

    chunks = calls.save()

    assert [kind for _, kind, _ in chunks] == ["tool_output", "provider_metadata", "tool_output"]
    assert len({at for at, _, _ in chunks}) == 3, "one would take the place of the other"
    first, second = (each for each in log.parts() if each[0] == TOOL_CALL)
    ids = [orjson.loads(text)["id"] for _, text in (first, second)]
    assert shown(log.parts(), *chunks) == [ids[0], "x" * 5000, 1, ids[1], "x" * 5000]
