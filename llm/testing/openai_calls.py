"""Tool calls as OpenAI and those who imitate it stream them."""

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

from llm.testing.dialect import Call, Payload
from llm.testing.script import Script, cut
from llm.testing.scripted_calls import ScriptedCall


def call_deltas(script: Script, call: Call) -> list[Payload]:
    """Write the deltas of all calls, one after the other unless the script wants them mixed."""
    if "function_call" in script.oddities:
        return [{"function_call": item["function"]} for item in _items(script, call, 0, script.calls[0])]
    each = [list(_items(script, call, *numbered)) for numbered in enumerate(script.calls)]
    mixed = chain.from_iterable(zip_longest(*each)) if "interleaved" in script.oddities else chain.from_iterable(each)
    items = [item for item in mixed if item]
    if "one_delta" in script.oddities:
        return [{"tool_calls": items}]
    return [{"tool_calls": [item]} for item in items]


def whole_calls(script: Script, call: Call) -> list[Payload]:
    """Write the calls of an answer that does not stream."""
    return [_opening(script, call, number, each, each.arguments) for number, each in enumerate(script.calls)]


def _items(script: Script, call: Call, number: int, scripted: ScriptedCall) -> Iterator[Payload]:
    odd = script.oddities
    index = {} if "no_index" in odd else {"index": 0 if "same_index" in odd else number}
    if "object_arguments" in odd:
        yield index | _opening(script, call, number, scripted, scripted.as_object())
        return
    yield index | _opening(script, call, number, scripted, "")
    for text in cut(scripted.arguments, script.chunk or len(scripted.arguments) or 1):
        repeated = _opening(script, call, number, scripted, text)
        yield index | (repeated if "repeat_id" in odd else {"function": {"arguments": text}})


def _opening(script: Script, call: Call, number: int, scripted: ScriptedCall, arguments: Any) -> Payload:
    item: Payload = {"id": scripted.id_at(call.rounds, number), "type": "function"}
    if script.signature and not number:
        item["extra_content"] = {"google": {"thought_signature": script.signature}}
    for name, field in (("no_id", "id"), ("no_type", "type")):
        if name in script.oddities:
            del item[field]
    return item | {"function": {"name": scripted.name, "arguments": arguments}}
