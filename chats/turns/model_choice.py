"""Which model answers: the one asked for, or the chat's, the user's or the default one; and whether it can."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from accounts.access import Viewer
from chats.errors import ProviderMissing, UnknownModelName, Unsupported
from chats.services.open_models import open_models
from chats.turns.requests import EditRequest, SendRequest, SlashCommand, TurnRequest
from chats.turns.settings import PARAMS
from llm.abilities import unsupported
from llm.catalog import NO_SUCH_MODEL, Model, provider_config
from llm.client.errors import ProviderRefused
from llm.client.types import File, Prompt
from llm.errors import ProviderNotConfigured, UnknownModel

SETTINGS = {param: name for name, param in PARAMS.items()}


def choose_model(viewer: Viewer, request: TurnRequest, command: SlashCommand, chats: str) -> tuple[Model, str]:
    """Return the model of a turn, and the name of the one that its chat is to remember."""
    if isinstance(request, SendRequest | EditRequest):
        asked = command.provider or request.model
    else:  # what was typed once, but whoever regenerates may name another
        asked = request.model or command.provider
    model = usable_model(viewer.id, asked, chats, viewer.preferred_model)
    remembered = request.remember_model and request.model and request.model == asked
    return model, model.name if remembered else chats


def usable_model(user_id: int, asked: str, chats: str = "", preferred: str = "") -> Model:
    """Return the model asked for, else the first usable of the chat's, the user's and the default one.

    What is not open to the user is unknown. Raises UnknownModelName and ProviderMissing.
    """
    resolve = open_models(user_id).resolve
    if asked:
        try:
            return resolve(asked)
        except UnknownModel as error:
            raise UnknownModelName(errors={"model": [NO_SUCH_MODEL]}) from error
        except ProviderNotConfigured as error:
            raise ProviderMissing() from error
    for name in (*filter(None, (chats, preferred)), None):
        with suppress(UnknownModel, ProviderNotConfigured):
            return resolve(name)
    raise ProviderMissing()


def require_supported(model: Model, params: Mapping[str, Any], tools: bool, files: tuple[File, ...] = ()) -> None:
    """Raise Unsupported, by the names of our settings, for what a model cannot do.

    Raises ProviderMissing where its provider was switched off a moment ago.
    """
    if not (params or tools or files):
        return
    try:
        adapter = provider_config(model.provider).adapter
    except ProviderRefused as error:
        raise ProviderMissing() from error
    if names := unsupported(adapter, model.abilities, params, tools, files):
        raise Unsupported(model.name, [SETTINGS.get(name, name) for name in names])


def require_answerable(model: Model, prompt: Prompt) -> None:
    """Raise Unsupported for what of a whole prompt a model cannot do."""
    files = tuple(part for message in prompt.messages for part in message.parts if isinstance(part, File))
    require_supported(model, prompt.params, bool(prompt.tools), files)
