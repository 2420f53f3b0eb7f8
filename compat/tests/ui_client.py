"""What ai 6 makes of a stream, so far as we send it: chunks in, the parts of a message out."""

import json
from typing import Any

Part = dict[str, Any]


def chunks_of(text: str) -> list[Part]:
    """Cut a stream into its chunks; it ends with [DONE]."""
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def fold(chunks: list[Part], message: list[Part] | None = None) -> list[Part]:
    """Return the parts of a message after some chunks; `message` is what its client had before."""
    client = _Client(json.loads(json.dumps(message or [])))
    for chunk in chunks:
        client.take(chunk)
    return client.parts


class _Client:
    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._open: dict[str, Part] = {}

    def take(self, chunk: Part) -> None:
        kind, _, what = chunk["type"].partition("-")
        if kind in ("text", "reasoning"):
            self._text(kind, what, chunk)
        elif chunk["type"] == "start-step":
            self.parts.append({"type": "step-start"})
        elif chunk["type"] == "source-url":
            self.parts.append(chunk)
        elif kind == "tool":
            self._tool(what, chunk)

    def _text(self, kind: str, what: str, chunk: Part) -> None:
        if what == "start":
            self._open[chunk["id"]] = {"type": kind, "text": "", "state": "streaming"}
            self.parts.append(self._open[chunk["id"]])
        elif what == "delta":
            self._open[chunk["id"]]["text"] += chunk["delta"]
        else:
            self._open.pop(chunk["id"])["state"] = "done"

    def _tool(self, what: str, chunk: Part) -> None:
        id_ = chunk["toolCallId"]
        if what == "input-start":
            assert chunk["dynamic"]
            assert all(part.get("toolCallId") != id_ for part in self.parts)
            self.parts.append({
                "type": "dynamic-tool", "toolName": chunk["toolName"], "toolCallId": id_, "providerExecuted": True,
                "state": "input-streaming",
            })  # fmt: skip
            return
        [part] = [part for part in self.parts if part.get("toolCallId") == id_]
        if what == "approval-request":
            part |= {"state": "approval-requested", "approval": {"id": chunk["approvalId"]}}
        elif what == "output-denied":
            part["state"] = "output-denied"
        elif what != "input-delta":
            assert (chunk["dynamic"], chunk["providerExecuted"]) == (True, True)
            part["state"] = what
            part |= {name: chunk[name] for name in ("input", "output", "errorText") if name in chunk}


def answered(parts: list[Part], *verdicts: bool, reason: str = "") -> list[Part]:
    """Return the parts after `addToolApprovalResponse` for the requests in them, in their order."""
    left, found = list(verdicts), []
    for part in parts:
        if part.get("state") == "approval-requested" and left:
            said = {"id": part["approval"]["id"], "approved": left.pop(0), **({"reason": reason} if reason else {})}
            found.append({**part, "state": "approval-responded", "approval": said})
        else:
            found.append(part)
    return found
