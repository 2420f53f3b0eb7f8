"""What a turn asks: which model, and with which context."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings

from chats.errors import ProviderMissing, UnknownModelName
from chats.tree import context
from chats.turns.requests import AcceptedTurn
from chats.turns.slash_commands import without_command
from common.sql import Statement
from llm.catalog import Model, resolve
from llm.client.types import Prompt, PromptMessage
from llm.errors import ProviderNotConfigured, UnknownModel

CONTINUE = "Continue your last answer exactly where it stops. Do not repeat any of it."


def choose_model(asked: str, chats: str, preferred: str) -> Model:
    """Return the model asked for, or the chat's, the user's or the default one, whichever is usable first."""
    if asked:
        try:
            return resolve(asked)
        except UnknownModel as error:
            raise UnknownModelName(errors={"model": ["There is no such model here."]}) from error
        except ProviderNotConfigured as error:
            raise ProviderMissing() from error
    for name in filter(None, (chats, preferred)):
        try:
            return resolve(name)
        except (UnknownModel, ProviderNotConfigured):
            continue
    try:
        return resolve(None)
    except (UnknownModel, ProviderNotConfigured) as error:
        raise ProviderMissing() from error


def context_of(chat_id: UUID, parent: UUID | None) -> Statement:
    """Return the statement that reads the last N turns before a question."""
    return context(chat_id, parent, settings.CONTEXT_TURNS)


def build_prompt(accepted: AcceptedTurn, given: Prompt | None, stored: list[tuple[str, str]]) -> Prompt:
    """Return the system text, what `context_of` read, oldest first, and the question once; or what was given."""
    assert accepted.model is not None, "a turn that runs has a model"
    if given is not None:
        return replace(given, model=accepted.model.id)
    messages = [
        PromptMessage("assistant", text) if role == "assistant" else PromptMessage("user", without_command(text))
        for role, text in stored
    ]
    messages.append(PromptMessage("user", without_command(accepted.question.content)))
    if kept := accepted.reply.content:
        messages += [PromptMessage("assistant", kept), PromptMessage("user", CONTINUE)]
    return Prompt(accepted.model.id, settings.SYSTEM_PROMPT, tuple(messages))
