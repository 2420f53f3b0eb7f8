"""The avatar: sent as multipart, served inert."""

import re
from pathlib import Path
from typing import Any

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import signed_in_user
from accounts.api.base import BAD_INPUT, NOT_SIGNED_IN, read
from accounts.api.docs import problems
from accounts.api.serializers import AvatarInput, ProfileOutput
from accounts.services.avatar_files import FORMATS, avatar_path
from accounts.services.avatars import remove_avatar, replace_avatar
from accounts.views import by_bearer
from common.errors import Invalid, MethodNotAllowed
from common.problems import problem_response
from common.view_options import view_options

# The name says all that a browser may make of it: a picture, nothing active, only for this user's browser.
INERT = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "private, max-age=86400, immutable",
}


class AvatarParser(MultiPartParser):
    """DRF's parser, with the refusals of other and of broken bodies in our words."""

    wanted = f"multipart/form-data with a picture ({FORMATS}) as `avatar`"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except (ParseError, UnicodeError, ValueError) as error:
            raise Invalid("The multipart body cannot be read.") from error


class AvatarView(APIView):
    parser_classes = (AvatarParser,)
    max_body, authenticate = "MAX_AVATAR_BODY_BYTES", staticmethod(by_bearer)

    @extend_schema(
        summary="Set my avatar",
        description="PNG, JPEG, WebP, GIF (its first frame) or HEIC; stored anew as a small WebP without metadata.",
        request={"multipart/form-data": AvatarInput},
        responses={200: ProfileOutput, **problems(**BAD_INPUT, **NOT_SIGNED_IN, e503="The picture cannot be stored.")},
        tags=["accounts"],
    )
    def put(self, request: Request) -> Response:
        data = read(AvatarInput, request)
        return Response(ProfileOutput(replace_avatar(signed_in_user(request), data["avatar"])).data)

    @extend_schema(summary="Remove my avatar", responses={200: ProfileOutput, **problems(**NOT_SIGNED_IN)},
                   tags=["accounts"])  # fmt: skip
    def delete(self, request: Request) -> Response:
        return Response(ProfileOutput(remove_avatar(signed_in_user(request))).data)


@view_options(cors=True)  # front ends draw it onto a canvas, too
def serve_avatar(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send a stored picture; names are long and random, and known only to those whom the owner's pages show them."""
    if request.method not in ("GET", "HEAD"):
        refusal = problem_response(request, MethodNotAllowed())
        refusal["Allow"] = "GET, HEAD"
        return refusal
    path = avatar_path(name)
    if not re.fullmatch(r"[0-9a-f]{32}\.webp", name) or not path.is_file():
        raise Http404
    return _file(path)


def _file(path: Path) -> FileResponse:
    return FileResponse(path.open("rb"), content_type="image/webp", headers=INERT)
