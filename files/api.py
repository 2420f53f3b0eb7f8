"""`/api/files/`: the files of whoever asks, by access token, or by the session of the site's own pages."""

import asyncio
import base64
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from accounts.access import Claims, Viewer, bearer_claims, load_viewer, require_confirmed
from accounts.api.docs import problems
from accounts.pages.viewer import cookie_claims
from common.drf import IdField, TextField
from common.errors import NotFound
from common.executor import database
from common.threads import run_in_thread
from common.views import AsyncView, checked, json_response
from files.content import INERT, serve_file
from files.models import File
from files.multipart import FORM, RAW, uploaded
from files.payloads import file_payload, space_payload
from files.services import delete_file, extract_again, files_of, get_file
from files.space import require_room, space_of
from files.storage import read_prompt
from files.uploads import take_file

PROBLEMS = problems(e400="A value is missing or wrong.", e401="No valid access token.", e404="No such file of yours.")
UPLOAD_PROBLEMS = problems(
    e400="The form, or the file, cannot be read.", e401="No valid access token.", e403="The address is not confirmed.",
    e408="It did not arrive in time.", e413="The file is too large, or there is no room for it.",
    e415="The type of the file is not taken.", e503="It cannot be stored at the moment.",
)  # fmt: skip
BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes of the file, inert.")


class FileOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    media_type = serializers.CharField(help_text="by its bytes")
    size = serializers.IntegerField(help_text="bytes")
    width = serializers.IntegerField(allow_null=True, help_text="of a picture")
    height = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(
        ["waiting", "ready", "failed"], help_text="messages take ready files; the text of a PDF is extracted first"
    )
    error = serializers.CharField(help_text="why it failed: unreadable, encrypted, too_complex")
    created_at = serializers.DateTimeField()
    url = serializers.CharField(help_text="where its bytes are, for its owner")
    preview_url = serializers.CharField(required=False, help_text="a small JPEG of a picture")


class SpaceOutput(serializers.Serializer[Any]):
    used = serializers.IntegerField(help_text="bytes")
    limit = serializers.IntegerField(help_text="bytes")
    files = serializers.IntegerField()
    files_limit = serializers.IntegerField()


class FilesPageOutput(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = FileOutput(many=True)
    space = SpaceOutput()


class FilesQuery(serializers.Serializer[Any]):
    before = IdField(required=False, default=None, help_text="files older than this one")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200, default=50)


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField()


class UploadQuery(serializers.Serializer[Any]):
    name = TextField(required=False, allow_blank=True, max_length=1000, default="", help_text="of a raw body")


class _FileView(AsyncView):
    """For front ends with an access token, and for our own pages, whose pictures can bring a cookie only."""

    async def authenticate(self, request: HttpRequest) -> Claims:
        if "HTTP_AUTHORIZATION" in request.META:
            return bearer_claims(request)
        return await database().read(cookie_claims, request)


class FilesView(_FileView):
    max_body, uploads = "MAX_UPLOAD_BODY_BYTES", True

    async def authenticate(self, request: HttpRequest) -> Claims:
        """Refuse what has no room before any of it is read."""
        claims = await super().authenticate(request)
        if request.method == "POST":
            await database().read(_require_upload, claims, int(request.META.get("CONTENT_LENGTH") or 0))
        return claims

    @extend_schema(operation_id="files_list", parameters=[FilesQuery], responses={200: FilesPageOutput, **PROBLEMS},
                   tags=["files"])  # fmt: skip
    async def get(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        """List my files, newest first, and the space that they take."""
        query = checked(FilesQuery, request.GET)
        rows, used = await database().read(_page, claims, query["before"], query["page_size"] + 1)
        link = None
        if len(rows) > query["page_size"]:
            rows.pop()
            page = f"page_size={query['page_size']}&before={rows[-1].pk}"
            link = request.build_absolute_uri(f"{request.path}?{page}")
        space = space_payload(used, settings.FILE_SPACE_BYTES, settings.FILES_PER_USER)
        results = [file_payload(row) for row in rows]
        return json_response({"next": link, "previous": None, "results": results, "space": space})

    @extend_schema(
        operation_id="files_upload",
        request={FORM: UploadInput, RAW: OpenApiTypes.BINARY},
        parameters=[UploadQuery],
        responses={201: FileOutput, 200: FileOutput, **UPLOAD_PROBLEMS},
        tags=["files"],
    )
    async def post(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        """Upload a file, in the field `file` of a form or as the raw body; 200 where the same bytes are here."""
        name = checked(UploadQuery, request.GET)["name"]
        file, made = await run_in_thread(partial(_take, request, claims, name))
        return json_response(file_payload(file), status=201 if made else 200)


def _require_upload(claims: Claims, size: int) -> None:
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    require_room(viewer.id, max(0, size - settings.UPLOAD_FORM_BYTES))


def _page(claims: Claims, before: UUID | None, most: int) -> tuple[list[File], Any]:
    owner = load_viewer(claims).id
    rows = files_of(owner).order_by("-pk")
    if before:
        rows = rows.filter(pk__lt=before)
    return list(rows[:most]), space_of(owner)


def _take(request: HttpRequest, claims: Claims, name: str) -> tuple[File, bool]:
    with uploaded(request, request._stream, name) as (file, own_name):
        return take_file(claims.user_id, file, own_name)


class FileView(_FileView):
    @extend_schema(operation_id="files_read", responses={200: FileOutput, **PROBLEMS}, tags=["files"])
    async def get(self, request: HttpRequest, claims: Claims, file_id: UUID) -> HttpResponse:
        """Return one of my files, whose state tells how far it is."""
        return json_response(file_payload(await _own(get_file, claims, file_id)))

    @extend_schema(
        operation_id="files_delete", tags=["files"],
        responses={204: None, **PROBLEMS, **problems(e409="A message has it: `file_in_use`.")},
    )  # fmt: skip
    async def delete(self, request: HttpRequest, claims: Claims, file_id: UUID) -> HttpResponse:
        """Delete a file that no message has."""
        await _own(delete_file, claims, file_id, write=True)
        return HttpResponse(status=204)


class ContentView(_FileView):
    @extend_schema(
        operation_id="files_content", responses={(200, "*/*"): BYTES, (206, "*/*"): BYTES, **PROBLEMS},
        parameters=[OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="one range of bytes")],
        tags=["files"],
    )  # fmt: skip
    async def get(self, request: HttpRequest, claims: Claims, file_id: UUID) -> HttpResponseBase:
        """Return the bytes as they were sent, or a range of them."""
        return await serve_file(request, await _own(get_file, claims, file_id))


class PreviewView(_FileView):
    @extend_schema(operation_id="files_preview", responses={(200, "image/jpeg"): BYTES, **PROBLEMS}, tags=["files"])
    async def get(self, request: HttpRequest, claims: Claims, file_id: UUID) -> HttpResponse:
        """Return a small JPEG of a picture, without its metadata: what models are shown."""
        file = await _own(get_file, claims, file_id)
        if not file.width:
            raise NotFound("There is no preview of this file.")
        data = await asyncio.to_thread(lambda: base64.b64decode(read_prompt(file.pk)))
        return HttpResponse(data, content_type="image/jpeg", headers={**INERT, "Content-Disposition": "inline"})


class ExtractView(_FileView):
    @extend_schema(operation_id="files_extract", request=None, responses={202: FileOutput, **PROBLEMS}, tags=["files"])
    async def post(self, request: HttpRequest, claims: Claims, file_id: UUID) -> HttpResponse:
        """Try once more to read the text of a file that has failed."""
        return json_response(file_payload(await _own(extract_again, claims, file_id, write=True)), status=202)


async def _own(function: Any, claims: Claims, file_id: UUID, write: bool = False) -> Any:
    work = database().write if write else database().read
    return await work(_as_viewer, function, claims, file_id)


def _as_viewer(function: Any, claims: Claims, file_id: UUID) -> Any:
    viewer: Viewer = load_viewer(claims)
    return function(viewer.id, file_id)
