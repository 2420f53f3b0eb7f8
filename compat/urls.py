"""Addresses of other people's protocols, as their clients call them."""

from django.urls import path

from compat.ai_sdk import views as ai_sdk
from compat.openai import views as openai

compat_patterns = [
    # AI SDK's transport; a client's chat id may hold any character.
    path("api/chat", ai_sdk.SubmitView.as_view(), name="ai-sdk"),
    path("api/chat/<path:chat>/stream", ai_sdk.UiStreamView.as_view(), name="ai-sdk-stream"),
    path("api/chat/<path:chat>/stop", ai_sdk.UiStopView.as_view(), name="ai-sdk-stop"),
    path("api/chat/<path:chat>/messages", ai_sdk.UiMessagesView.as_view(), name="ai-sdk-messages"),
    # OpenAI's clients.
    path("v1/chat/completions", openai.CompletionsView.as_view(), name="openai-completions"),
    path("v1/models", openai.OpenAIModelsView.as_view(), name="openai-models"),
    path("v1/models/<path:name>", openai.OpenAIModelView.as_view(), name="openai-model"),
]
