"""Addresses of notes."""

from django.urls import path

from common.urls import with_and_without_slash
from notes.api.notes import NotesView, NoteView
from notes.api.saving import SaveView
from notes.openapi import DocumentView
from notes.pages import views

api_patterns = [
    *with_and_without_slash("notes", NotesView.as_view(), "notes"),
    *with_and_without_slash("notes/<anyuuid:note_id>", NoteView.as_view(), "note"),
    *with_and_without_slash(
        "chats/<anyuuid:chat_id>/messages/<anyuuid:message_id>/save", SaveView.as_view(), "message-save"
    ),
]
page_patterns = [
    *with_and_without_slash("notes", views.note_list, "notes-page"),
    *with_and_without_slash("notes/new", views.new, "note-new"),
    *with_and_without_slash("notes/<anyuuid:note_id>", views.note_detail, "note-page"),
    *with_and_without_slash("notes/<anyuuid:note_id>/edit", views.edit, "note-edit"),
    *with_and_without_slash("notes/<anyuuid:note_id>/delete", views.delete, "note-delete"),
    *with_and_without_slash(
        "chats/<anyuuid:chat_id>/messages/<anyuuid:message_id>/save", views.save_message, "note-of-message"
    ),
]
openapi_patterns = [
    path("openapi/notes.json", DocumentView.as_view(), name="notes-openapi"),
    path("openapi/notes.json/", DocumentView.as_view()),
]
