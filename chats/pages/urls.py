"""Addresses of the page."""

from django.urls import path

from chats.pages import actions, assistants, chat_settings, feedback, views
from common.urls import with_and_without_slash

_CHAT = "chats/<anyuuid:chat_id>"
_MESSAGE = f"{_CHAT}/messages/<anyuuid:message_id>"

page_patterns = [
    path("", views.start_page, name="start"),
    *with_and_without_slash("chats", views.chat_list, "chat-list"),
    *with_and_without_slash(_CHAT, views.chat, "chat-page"),
    *with_and_without_slash(f"{_MESSAGE}/text", views.message_text, "message-text"),
    *with_and_without_slash(f"{_MESSAGE}/thumb", actions.thumb, "message-thumb"),
    *with_and_without_slash(f"{_MESSAGE}/feedback", feedback.chat_feedback, "message-feedback"),
    *with_and_without_slash(f"{_CHAT}/settings", chat_settings.chat_settings, "chat-settings"),
    *with_and_without_slash(f"{_CHAT}/assistant", assistants.keep_assistant, "assistant-keep"),
    *with_and_without_slash("assistants", assistants.assistant_list, "assistant-list"),
    *with_and_without_slash("assistants/<anyuuid:assistant_id>/delete", assistants.drop_assistant, "assistant-drop"),
    *with_and_without_slash(f"{_CHAT}/rename", actions.rename, "chat-rename"),
    *with_and_without_slash(f"{_CHAT}/delete", actions.delete, "chat-delete"),
    *[
        path(f"{_CHAT}/{what}/", actions.switch, {"what": what}, name=f"chat-{what}")
        for what in ("pin", "unpin", "archive", "unarchive")
    ],
    *[
        path(f"{_CHAT}/{verb}/", actions.turn, {"verb": verb}, name=f"chat-{verb}")
        for verb in ("send", "edit", "regenerate", "continue", "decide", "stop", "show")
    ],
]
