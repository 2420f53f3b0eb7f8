"""Addresses of the chats app."""

from chats.api import assistants, chats, feedback, legacy, messages, timeline
from chats.history import Bucket
from common.urls import with_and_without_slash

_CHAT = "chats/<anyuuid:chat_id>"
_MESSAGE = f"{_CHAT}/messages/<anyuuid:message_id>"

api_patterns = [
    *with_and_without_slash("chats", chats.ChatsView.as_view(), "chats"),
    *with_and_without_slash("chats/history", chats.HistoryView.as_view(), "chat-history"),
    *with_and_without_slash(_CHAT, chats.ChatView.as_view(), "chat"),
    *with_and_without_slash(f"{_CHAT}/messages", messages.MessagesView.as_view(), "messages"),
    *with_and_without_slash(f"{_MESSAGE}/regenerate", messages.RegenerateView.as_view(), "regenerate"),
    *with_and_without_slash(f"{_MESSAGE}/continue", messages.ContinueView.as_view(), "continue"),
    *with_and_without_slash(f"{_MESSAGE}/approvals", messages.ApprovalsView.as_view(), "approvals"),
    *with_and_without_slash(f"{_MESSAGE}/edit", messages.EditView.as_view(), "edit"),
    *with_and_without_slash(f"{_MESSAGE}/feedback", feedback.FeedbackView.as_view(), "feedback"),
    *with_and_without_slash(f"{_MESSAGE}/timeline", timeline.TimelineView.as_view(), "timeline"),
    *with_and_without_slash(f"{_CHAT}/stream", messages.StreamView.as_view(), "stream"),
    *with_and_without_slash(f"{_CHAT}/stop", messages.StopView.as_view(), "stop"),
    *with_and_without_slash("assistants", assistants.AssistantsView.as_view(), "assistants"),
    *with_and_without_slash("assistants/<anyuuid:assistant_id>", assistants.AssistantView.as_view(), "assistant"),
    *with_and_without_slash("models", chats.ModelsView.as_view(), "models"),
]
seed_patterns = [
    *with_and_without_slash("prompt_gpt", legacy.PromptGptView.as_view(), "prompt-gpt"),
    *with_and_without_slash("prompt_gemini", legacy.PromptGeminiView.as_view(), "prompt-gemini"),
    *with_and_without_slash(
        "get_chat_messages/<anyuuid:chat_id>", legacy.ChatMessagesView.as_view(), "get-chat-messages"
    ),
    *with_and_without_slash("todays_chat", legacy.BucketView.as_view(bucket=Bucket.TODAY), "todays-chat"),
    *with_and_without_slash("yesterdays_chat", legacy.BucketView.as_view(bucket=Bucket.YESTERDAY), "yesterdays-chat"),
    *with_and_without_slash("seven_days_chat", legacy.BucketView.as_view(bucket=Bucket.SEVEN_DAYS), "seven-days-chat"),
]
