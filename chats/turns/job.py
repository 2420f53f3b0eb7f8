"""What a runner is handed: the prompt, the tools, and what a turn that waited goes on with."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from accounts.access import Viewer
from chats.models import ToolGrant, Turn
from chats.parts import TEXT, Part, length_of, text_of
from chats.rows import MessageRow
from chats.turns.context import build_prompt, last_messages, read_context
from chats.turns.context_window import within
from chats.turns.model_choice import usable_model
from chats.turns.requests import Decided, RegenerateRequest, SendRequest, SlashCommand, TurnJob, TurnRequest
from chats.turns.settings import TurnSettings
from chats.turns.slash_commands import parse
from chats.turns.toolbox import Toolbox
from common.sql import run_all
from files.models import File
from llm.catalog import Model
from llm.client.types import Usage
from tools.functions import Caller
from tools.policy import offered_tools
from usage.allowance import Charge


def toolbox_for(
    viewer: Viewer, chat_id: UUID, reply_id: UUID, names: Collection[str] | None, can_ask: bool
) -> Toolbox | None:
    """Return the tools of a turn, None where there are none.

    What was allowed once and for all in this chat is read only where something has to be allowed.
    """
    tools = offered_tools(names, can_ask)
    if not tools:
        return None
    toolbox = Toolbox(Caller(viewer.id, chat_id, reply_id), tools)
    if not any(toolbox.asks(name) for name in tools):
        return toolbox
    granted = ToolGrant.objects.filter(chat_id=chat_id).values_list("tool", flat=True)
    return replace(toolbox, granted=frozenset(granted))


def job_of(
    turn_id: int,
    charge: Charge,
    model: Model,
    request: TurnRequest,
    question: MessageRow,
    context: list[Any],
    command: SlashCommand,
    kept: list[Part],
    said: TurnSettings,
    toolbox: Toolbox | None,
    files: Sequence[File] = (),
) -> TurnJob:
    """Return the job of a turn that begins; a reply that goes on from another's text `kept` that before."""
    prompt = build_prompt(request, model, context, question, command, text_of(kept, TEXT), said, files)
    resume: dict[str, Any] = {}
    if toolbox is not None:
        resume = {"model": model.name, "settings": asdict(said)}
        prompt = replace(prompt, tools=toolbox.declarations)
    left_out = 0
    if not (isinstance(request, SendRequest) and request.prompt):
        prompt, left_out = within(prompt, said.max_context_tokens, last_messages(text_of(kept, TEXT)))
    return TurnJob(
        turn_id,
        1,
        charge,
        model,
        prompt,
        kept,
        length_of(kept),
        toolbox,
        resume,
        may_fall_back=said.fallback,
        left_out=left_out,
    )


def job_of_waiting(
    viewer: Viewer, turn: Turn, epoch: int, charge: Charge, question: MessageRow, reply: MessageRow, decided: Decided
) -> TurnJob:
    """Return the job of a turn that goes on, its prompt made again of what is stored."""
    resume: dict[str, Any] = turn.resume
    said, begins = TurnSettings(**resume["settings"]), resume["begins"]
    model = usable_model(viewer.id, resume["model"])
    context = run_all([read_context(turn.chat_id, question.parent, said.context_turns)])[0]
    request = RegenerateRequest(chat=turn.chat_id, message=reply.id)
    kept = text_of(_first(reply.parts, begins), TEXT)
    prompt = build_prompt(request, model, context, question, parse(question.content), kept, said)
    # Without a tool left there is still what was decided to be told.
    toolbox = toolbox_for(viewer, turn.chat_id, reply.id, said.tools, can_ask=True)
    toolbox = toolbox or Toolbox(Caller(viewer.id, turn.chat_id, reply.id), {})
    prompt = replace(prompt, tools=toolbox.declarations)
    prompt, _ = within(prompt, said.max_context_tokens, last_messages(kept))  # as when it began
    return TurnJob(
        turn.pk,
        epoch,
        charge,
        model,
        prompt,
        reply.parts,
        begins,
        toolbox,
        {name: resume[name] for name in ("model", "settings")},
        resume["steps"],
        resume["seconds"],
        Usage(reply.prompt_tokens or 0, reply.completion_tokens or 0),
        decided,
        reply.cost,
        said.fallback,
    )


def _first(parts: list[Part], length: int) -> list[Part]:
    """Return the parts that take up the first so many characters."""
    found, at = list[Part](), 0
    for kind, text in parts:
        if at >= length:
            break
        found.append((kind, text))
        at += len(text)
    return found
