"""What a turn asks: which model, and with which context."""

from uuid import UUID

from django.conf import settings

from chats.errors import ProviderMissing, UnknownModelName
from chats.tree import MessageRow, context
from llm.catalog import Model, resolve
from llm.errors import ProviderNotConfigured, UnknownModel
from llm.types import Prompt, PromptMessage

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


def build_prompt(chat_id: UUID, question: MessageRow, model: Model, continued: bool, kept: str) -> Prompt:
    """Return the system text, the last N turns of the branch, oldest first, and the question exactly once."""
    stored = context(chat_id, question.parent, settings.CONTEXT_TURNS)
    messages = [PromptMessage("assistant" if role == "assistant" else "user", text) for role, text in stored]
    messages.append(PromptMessage("user", question.content))
    if continued and kept:
        messages += [PromptMessage("assistant", kept), PromptMessage("user", CONTINUE)]
    return Prompt(model.id, settings.SYSTEM_PROMPT, tuple(messages))
