"""Addresses of notes; that of saving a message is also matched by `settings.LEAN_PATHS`."""

from django.urls import path

from common.urls import both
from notes.api.notes import NotesView, NoteView
from notes.api.saving import SaveView
from notes.openapi import DocumentView
from notes.pages import views

api_patterns = [
    *both("notes", NotesView.as_view(), "notes"),
    *both("notes/<anyuuid:note_id>", NoteView.as_view(), "note"),
    *both("chats/<anyuuid:chat_id>/messages/<anyuuid:message_id>/save", SaveView.as_view(), "message-save"),
]
page_patterns = [
    *both("notes", views.listing, "notes-page"),
    *both("notes/new", views.new, "note-new"),
    *both("notes/<anyuuid:note_id>", views.note, "note-page"),
    *both("notes/<anyuuid:note_id>/edit", views.edit, "note-edit"),
    *both("notes/<anyuuid:note_id>/delete", views.delete, "note-delete"),
    *both("chats/<anyuuid:chat_id>/messages/<anyuuid:message_id>/save", views.save_message, "note-of-message"),
]
openapi_patterns = [
    path("openapi/notes.json", DocumentView.as_view(), name="notes-openapi"),
    path("openapi/notes.json/", DocumentView.as_view()),
]
