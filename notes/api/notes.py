"""`/api/notes/`: the user's notes. What a connected app is answered stays under 100,000 characters."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import viewer_of
from accounts.api.paging import NewestFirst
from chats.wire.schema import PROBLEMS, paginated
from common.views import checked, checked_input
from notes import services
from notes.api.base import NotesAPIView, is_action
from notes.api.schema import WRITE_PROBLEMS
from notes.api.serializers import NoteOutput, NoteSummaryOutput
from notes.models import Note, Source
from notes.payloads import ACTION_CHARS, ACTION_PAGE, note_payload, summary_payload
from notes.serializers import NoteChangeInput, NoteInput, NoteQuery, NotesQuery


class NotesCursor(NewestFirst):
    def get_page_size(self, request: Request) -> int | None:
        size = super().get_page_size(request)
        return min(size, ACTION_PAGE) if size and is_action(request) else size


class NotesView(NotesAPIView):
    @extend_schema(
        operation_id="notes_list",
        parameters=[NotesQuery],
        responses={200: paginated(NoteSummaryOutput), **PROBLEMS},
        tags=["notes"],
    )
    def get(self, request: Request) -> Response:
        """List notes, newest first, with an excerpt of each; a connected app gets at most 30 a page."""
        query = checked(NotesQuery, request.query_params)
        found = services.find_notes(owner_id=viewer_of(request).id, search=query["search"], tag=query["tag"])
        paginator = NotesCursor()
        page = paginator.paginate_queryset(found, request, view=self) or []
        return paginator.get_paginated_response([summary_payload(services.summary_of(row)) for row in page])

    @extend_schema(
        operation_id="notes_create",
        request=NoteInput,
        responses={201: NoteOutput, 200: NoteOutput, **WRITE_PROBLEMS},
        tags=["notes"],
    )
    def post(self, request: Request) -> Response:
        """Save a note; exactly the same once more answers 200 with the note that is there."""
        data = checked_input(NoteInput, request.data)
        own = Source.LINK if data["source_url"] else Source.API
        source = Source.CHATGPT if is_action(request) else own
        saved = services.save_note(owner_id=viewer_of(request).id, source=source, **data)
        return Response(_shown(request, saved.note), status=201 if saved.made else 200)


class NoteView(NotesAPIView):
    @extend_schema(
        operation_id="notes_read", parameters=[NoteQuery], responses={200: NoteOutput, **PROBLEMS}, tags=["notes"]
    )
    def get(self, request: Request, note_id: UUID) -> Response:
        """Read a note; a connected app gets a long one in parts, each `next_offset` leading to the next."""
        query = checked(NoteQuery, request.query_params)
        note = services.read_note(owner_id=viewer_of(request).id, note_id=note_id)
        return Response(_shown(request, note, query["offset"]))

    @extend_schema(
        operation_id="notes_change",
        request=NoteChangeInput,
        responses={200: NoteOutput, **WRITE_PROBLEMS},
        tags=["notes"],
    )
    def patch(self, request: Request, note_id: UUID) -> Response:
        """Change title, content or tags."""
        changes = checked_input(NoteChangeInput, request.data)
        return Response(
            _shown(request, services.change_note(owner_id=viewer_of(request).id, note_id=note_id, **changes))
        )

    @extend_schema(operation_id="notes_delete", responses={204: None, **PROBLEMS}, tags=["notes"])
    def delete(self, request: Request, note_id: UUID) -> Response:
        """Delete a note for good."""
        services.delete_note(owner_id=viewer_of(request).id, note_id=note_id)
        return Response(status=204)


def _shown(request: Request, note: Note, offset: int = 0) -> dict[str, Any]:
    return note_payload(note, offset, ACTION_CHARS if is_action(request) else None)
