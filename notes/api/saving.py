"""Saving a message of a chat as a note."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.access import Claims, load_viewer, require_confirmed
from accounts.views import BearerView
from common.executor import database
from common.views import json_response
from notes.api.schema import WRITE_PROBLEMS
from notes.api.serializers import NoteOutput
from notes.messages import save_own_message
from notes.payloads import note_payload
from notes.services import Saved


class SaveView(BearerView):
    """On a streaming path, so without a thread of its own."""

    @extend_schema(
        operation_id="messages_save",
        request=None,
        responses={201: NoteOutput, 200: NoteOutput, **WRITE_PROBLEMS},
        tags=["notes"],
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID, message_id: UUID) -> HttpResponse:
        """Save a message as a note; once more, and it is the same note."""
        saved = await database().write(_save, claims, chat_id, message_id)
        return json_response(note_payload(saved.note), 201 if saved.made else 200)


def _save(claims: Claims, chat_id: UUID, message_id: UUID) -> Saved:
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    return save_own_message(owner_id=viewer.id, chat_id=chat_id, message_id=message_id)
