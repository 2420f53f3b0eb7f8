"""`/v1`: what OpenAI's own clients, and every tool built on them, call; signed in by a personal API key."""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from accounts.api.keys import ApiKeyAuthentication
from accounts.models import ApiKey
from accounts.services.api_keys import KeyHolder, key_holder, note_use
from chats.connections import OpenStream
from chats.errors import ModelNotFound, ProviderMissing, Unsupported
from chats.services.open_models import find_open_models
from chats.turns.stateless import ask_stateless
from chats.wire.idempotency import idempotency_key
from chats.wire.peek import Peek
from chats.wire.sse import KEEP_ALIVE
from common.errors import NotSignedIn, ParleyError
from common.executor import database
from common.problems import ServerError, as_refusal, headers_of, suppress_request_log
from common.views import AsyncView, EventStream, checked_body, json_response
from compat.openai import encoder
from compat.openai.limit_headers import limit_headers
from compat.openai.schema import (
    COMPLETION_RESPONSES,
    OPENAI_PROBLEMS,
    Completion,
    CompletionInput,
    OpenAIModelOutput,
    OpenAIModelsOutput,
    completion_of,
)
from compat.openai.stored import ask_stored
from llm.catalog import Catalog, Model
from llm.client.types import Finished, ProviderEvent
from llm.errors import ProviderNotConfigured, UnknownModel
from usage.allowance import Charge

logger = logging.getLogger("parley.http")
# What we call otherwise than OpenAI does.
PARAM_NAMES = {
    "effort": "reasoning_effort",
    "max_output": "max_completion_tokens",
    "images": "messages",
    "files": "messages",
}
Events = AsyncGenerator[ProviderEvent | None]


def refusal_response(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal in OpenAI's shape, and by its names."""
    if isinstance(refusal, Unsupported):
        refusal = Unsupported(refusal.model, [PARAM_NAMES.get(name, name) for name in refusal.names])
    headers = {**headers_of(refusal), **encoder.error_headers(refusal)}
    return suppress_request_log(json_response(encoder.error_body(refusal), refusal.status, headers))


class OpenAIView(AsyncView):
    """Only an API key lets in here, and only here; `scope` is what it must have been made for."""

    authentication_classes: Any = (ApiKeyAuthentication,)
    max_body = "MAX_CHAT_BODY_BYTES"
    refusal_response = staticmethod(refusal_response)
    scope = ""

    async def authenticate(self, request: HttpRequest) -> KeyHolder:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotSignedIn("Send an API key: Authorization: Bearer sk-parley-…")
        holder = await database().read(key_holder, secret.strip())
        if holder.use_is_new:
            await database().write(note_use, holder.key_id)
        holder.require(self.scope)
        return holder


class CompletionsView(OpenAIView):
    scope = ApiKey.Scope.COMPLETE

    @extend_schema(
        operation_id="openai_chat_completions",
        request=CompletionInput,
        responses=COMPLETION_RESPONSES,
        tags=["openai"],
    )
    async def post(self, request: HttpRequest, holder: KeyHolder) -> HttpResponseBase:
        """Complete a chat that the caller holds; nothing is stored unless `store` is true."""
        asked = completion_of(await checked_body(CompletionInput, request, foreign=True, apart="messages"))
        if asked.store:
            holder.require(ApiKey.Scope.STORE)
        model = chosen(await find_open_models(holder.viewer.id), asked.model)
        answer = encoder.CompletionHead(f"chatcmpl-{uuid4().hex}", int(time.time()), model.name)
        stream = OpenStream(holder.claims)
        try:
            if asked.store:
                events = await ask_stored(holder, model, asked, idempotency_key(request), answer)
            else:
                events = ask_stateless(holder.viewer, model, asked.prompt, partial(_note_limits, answer))
        except BaseException:
            stream.close()
            raise
        return await (_streamed if asked.stream else _whole)(asked, answer, events, stream)


def _note_limits(answer: encoder.CompletionHead, charge: Charge) -> None:
    answer.headers = limit_headers(charge.left)


def chosen(models: Catalog, name: str) -> Model:
    """Return the one of the models that has a name or alias; raise ModelNotFound or ProviderMissing."""
    try:
        return models.resolve(name)
    except UnknownModel as error:
        raise ModelNotFound(f"There is no model {name!r} here.", errors={"model": ["Unknown."]}) from error
    except ProviderNotConfigured as error:
        raise ProviderMissing() from error


async def _whole(asked: Completion, answer: encoder.CompletionHead, events: Events, stream: OpenStream) -> HttpResponse:
    choices = {0: encoder.WholeChoice()}
    try:
        async with aclosing(events):
            async for event in events:
                if event is not None:
                    index, event = encoder.choice_of(event)
                    choices.setdefault(index, encoder.WholeChoice()).take(event)
                stream.check()
    finally:
        stream.close()
    return json_response(encoder.completion(answer, choices), headers=answer.headers)


async def _streamed(
    asked: Completion, answer: encoder.CompletionHead, events: Events, stream: OpenStream
) -> EventStream:
    """Stream; what fails before the first text, and soon, is still a status."""
    peek = Peek(events, lambda event: event is not None)
    try:
        await peek.first(settings.CHAT_STATUS_SECONDS)
    except BaseException:
        stream.close()
        peek.close()
        raise
    body = _encoded(encoder.ChunkEncoder(answer, asked.include_usage), peek, stream)
    return EventStream(body, {**encoder.HEADERS, **answer.headers}, stream.close, peek.close)


async def _encoded(
    encode: encoder.ChunkEncoder, events: Peek[ProviderEvent | None], stream: OpenStream
) -> AsyncIterator[bytes]:
    yield encode.start()
    try:
        async for event in events:
            if event is None:
                yield KEEP_ALIVE
            elif isinstance(event, Finished):
                yield encode.end(event)
            elif chunks := encode.event(event):
                yield chunks
            stream.check()
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            logger.exception("completion failed")
        yield encoder.error_event(refusal or ServerError())


class OpenAIModelsView(OpenAIView):
    scope = ApiKey.Scope.MODELS

    @extend_schema(
        operation_id="openai_models", responses={200: OpenAIModelsOutput, **OPENAI_PROBLEMS}, tags=["openai"]
    )
    async def get(self, request: HttpRequest, holder: KeyHolder) -> HttpResponse:
        """List the models that can answer now."""
        models = await find_open_models(holder.viewer.id)
        return json_response({"object": "list", "data": [_shown(each) for each in models.listing() if each.available]})


class OpenAIModelView(OpenAIView):
    scope = ApiKey.Scope.MODELS

    @extend_schema(operation_id="openai_model", responses={200: OpenAIModelOutput, **OPENAI_PROBLEMS}, tags=["openai"])
    async def get(self, request: HttpRequest, holder: KeyHolder, name: str) -> HttpResponse:
        """Return one model, by its name or an alias."""
        return json_response(_shown(chosen(await find_open_models(holder.viewer.id), name)))


def _shown(model: Model) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.provider}
