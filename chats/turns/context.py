"""What a turn asks: the last turns of its branch, and the question."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from chats.models import COMMAND
from chats.parts import TEXT, Part, from_column
from chats.rows import MessageRow
from chats.tree import WALK_SLACK, parent_join, row_join
from chats.turns.attachments import Described, file_ids, with_stored
from chats.turns.prompt_parts import reply_message
from chats.turns.requests import SendRequest, SlashCommand, TurnRequest
from chats.turns.settings import TurnSettings
from chats.turns.slash_commands import without_command
from common.sql import Statement
from files.models import File
from llm.catalog import Model
from llm.client.types import Prompt, PromptMessage

CONTINUE = "Continue your last answer exactly where it stops. Do not repeat any of it."
_COUNTS = (
    "CASE WHEN {0}.role = 'assistant' AND ({0}.content <> '' OR {0}.parts IS NOT NULL) AND {0}.state <> 'blocked' "
    f"AND {{0}}.reason <> '{COMMAND}' THEN 1 ELSE 0 END"
)


def read_context(chat_id: UUID, leaf: UUID | None, turns: int) -> Statement:
    """Return what reads (role, content, parts) of the last `turns` turns that end in the reply `leaf`, oldest first.

    A turn counts where its reply has text, was not blocked and comes from a model; others are left out with their
    question.
    """
    return (
        f"WITH RECURSIVE path (id, parent_id, role, depth, counted, used) AS ("
        f"SELECT m.id, m.parent_id, m.role, 1, {_COUNTS.format('m')}, {_COUNTS.format('m')} "
        f"FROM chats_message m WHERE m.id = %s AND m.chat_id = %s UNION ALL "
        f"SELECT up.id, up.parent_id, up.role, path.depth + 1, "
        f"CASE WHEN up.role = 'user' THEN path.counted ELSE {_COUNTS.format('up')} END, "
        f"path.used + {_COUNTS.format('up')} FROM path {parent_join()} "
        f"WHERE path.depth < %s AND (path.used < %s OR (path.used = %s AND path.role = 'assistant'))) "
        f"SELECT m.role, m.content, m.parts FROM path {row_join()} "
        f"WHERE path.counted = 1 ORDER BY path.depth DESC",
        [leaf if turns else None, chat_id, 2 * turns + WALK_SLACK, turns, turns],
    )


def build_prompt(
    request: TurnRequest,
    model: Model,
    stored: list[tuple[str, str, Any]],
    question: MessageRow,
    command: SlashCommand,
    kept: str,
    settings: TurnSettings,
    files: Sequence[File] = (),
) -> Prompt:
    """Return the system text, what `read_context` found, the question exactly once, and what is to be gone on from.

    A caller that holds the context itself has given the whole prompt; `files` are those that were just read. Raises
    Unsupported for files of the question.
    """
    if isinstance(request, SendRequest) and request.prompt:
        return replace(with_stored(request.prompt, request.files, files, model), model=model.id)
    said = [(role, content, _parts(content, parts)) for role, content, parts in stored]
    described = Described(files, [question.parts, *[parts for _, _, parts in said]])
    turns_ago, messages = sum(role == "user" for role, _, _ in said), list[PromptMessage]()
    made: list[UUID] = []
    for role, content, parts in said:
        if role == "assistant":
            messages.append(reply_message(parts))
            made = file_ids(parts)
        else:
            messages.append(described.message(parts, without_command(content), model, turns_ago, made))
            turns_ago, made = turns_ago - 1, []
    messages.append(described.message(question.parts, command.text, model, 0, made))
    if kept:
        messages += [PromptMessage("assistant", kept), PromptMessage("user", CONTINUE)]
    return Prompt(model.id, settings.system, tuple(messages), settings.params)


def last_messages(kept: str) -> int:
    """Return how many messages at the end of a prompt are no context: the question, and what is to be gone on from."""
    return 3 if kept else 1


def _parts(content: str, parts: Any) -> list[Part]:
    """Return the parts of a stored message; what a reply reasoned is its own affair."""
    if parts is None:
        return [(TEXT, content)]
    return from_column(content, "", orjson.loads(parts) if isinstance(parts, str) else parts)
