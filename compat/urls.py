"""Addresses of other people's protocols, as their clients call them."""

from django.urls import URLPattern, path

from common.views import AsyncView
from compat.ai_sdk import views as ai_sdk
from compat.openai import views as openai


def _either_way(route: str, view: type[AsyncView], name: str) -> list[URLPattern]:
    """Route an address as its clients write it, and with a slash, which comes first: a name may hold slashes."""
    return [path(f"{route}/", view.as_view(schema=None)), path(route, view.as_view(), name=name)]


compat_patterns = [
    # AI SDK's transport; a client's chat id may hold any character.
    *_either_way("api/chat", ai_sdk.SubmitView, "ai-sdk"),
    *_either_way("api/chat/<path:chat>/stream", ai_sdk.UiStreamView, "ai-sdk-stream"),
    *_either_way("api/chat/<path:chat>/stop", ai_sdk.UiStopView, "ai-sdk-stop"),
    *_either_way("api/chat/<path:chat>/messages", ai_sdk.UiMessagesView, "ai-sdk-messages"),
    # OpenAI's clients.
    *_either_way("v1/chat/completions", openai.CompletionsView, "openai-completions"),
    *_either_way("v1/models", openai.OpenAIModelsView, "openai-models"),
    *_either_way("v1/models/<path:name>", openai.OpenAIModelView, "openai-model"),
]
