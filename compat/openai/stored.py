"""Completions with `store: true`: a chat, made through the engine like every other."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from accounts.services.api_keys import KeyHolder
from chats import turns
from chats.errors import ReplyInterrupted
from chats.models import State
from chats.parts import TEXT, is_text
from chats.rows import MessageRow
from chats.turns.events import Delta, End, KeepAlive
from chats.turns.requests import SlashCommand
from chats.turns.stateless import require_harmless
from chats.wire.data_files import DataFile, store_files
from chats.wire.waiting import failure_of
from common.ids import uuid7
from compat.openai.encoder import CompletionHead
from compat.openai.limit_headers import limit_headers
from compat.openai.parameters import refuse
from compat.openai.schema import Completion
from llm.catalog import Model
from llm.client.types import File, Finished, FinishReason, Prompt, ProviderEvent, ReasoningDelta, TextDelta, Usage


async def ask_stored(
    holder: KeyHolder, model: Model, asked: Completion, key: str, answer: CompletionHead
) -> AsyncGenerator[ProviderEvent | None, None]:
    """Make a chat of what the caller holds, start its turn, and return the reply's events; a disconnect is no stop.

    Raises UnsupportedParameter for what no chat can hold.
    """
    require_storable(asked.prompt)
    *earlier, question = asked.prompt.messages
    name = f"v1-{sha256(key.encode()).hexdigest()}" if key else ""
    text = question.text
    sent = [DataFile(part.data, part.name) for part in question.parts if isinstance(part, File)]
    files = await store_files(holder.claims, sent)
    request = turns.SendRequest(
        chat=uuid7(), content=text, files=files, model=model.name, key=key, create=True, client_chat_id=name,
        earlier=tuple(earlier), prompt=asked.prompt, command=SlashCommand(text),
    )  # fmt: skip
    # The engine itself has the question checked, and what was accepted once is not judged again.
    if (earlier or asked.prompt.system) and not await turns.is_repeated(holder.claims, request):
        await require_harmless(replace(asked.prompt, messages=tuple(earlier)))
    accepted = await turns.start(holder.claims, request)
    answer.id = f"chatcmpl-{accepted.reply.id.hex}"
    if accepted.job:
        answer.headers = limit_headers(accepted.job.charge.left)
    answer.metadata = {"chat": str(accepted.chat_id), "reply": str(accepted.reply.id)}
    return _events(accepted.chat_id, accepted.reply.id)


def require_storable(prompt: Prompt) -> None:
    """Refuse what only a caller that holds the chat itself can have."""
    for name in ("n", "logprobs"):
        if name in prompt.params:
            raise refuse(name, f"A stored completion has no `{name}`.")
    if prompt.tools:
        raise refuse("tools", "A stored completion has no tools of the caller's.")
    *earlier, question = prompt.messages
    if any(message.parts for message in earlier):
        raise refuse("messages", "A stored completion takes files in its last message alone, and no tool calls.")
    if question.role != "user":
        raise refuse("messages", "A stored completion must end with a message of the user.")


async def _events(chat_id: UUID, reply_id: UUID) -> AsyncGenerator[ProviderEvent | None, None]:
    async for event in turns.follow(chat_id, reply_id):
        if isinstance(event, Delta) and is_text(event.kind):
            yield TextDelta(event.text) if event.kind == TEXT else ReasoningDelta(event.text)
        elif isinstance(event, KeepAlive):
            yield None
        elif isinstance(event, End):
            yield _finished(event.message)
            return
    raise ReplyInterrupted("The chat was deleted.")


def _finished(row: MessageRow) -> Finished:
    if failure := failure_of(row):
        raise failure
    if row.state == State.STOPPED:
        raise ReplyInterrupted("The reply was stopped.")
    if row.state in (State.FAILED, State.INTERRUPTED):
        raise ReplyInterrupted("The reply was cut short.")
    reason: FinishReason = (
        "length" if row.reason == "length" else "content_filter" if row.state == State.BLOCKED else "stop"
    )
    counted = row.prompt_tokens is not None and row.completion_tokens is not None
    usage = Usage(row.prompt_tokens or 0, row.completion_tokens or 0) if counted else None
    return Finished(reason, row.model, usage)
