"""The one file of a multipart form, read from a body on disk into an unnamed file of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from common.errors import Invalid, UnsupportedType
from common.unnamed_file import unnamed_file

FORM, RAW = "multipart/form-data", "application/octet-stream"
FIELD = "file"
NO_BYTES = ("application/json", "application/x-www-form-urlencoded")  # what clients say by default
UNREADABLE = (MultiPartParserError, ValueError, TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig)


class _IntoUnnamedFile(FileUploadHandler):
    """Django's own for files leaves one with a name behind where the process dies."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = list[BinaryIO]()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = unnamed_file()
        self.opened.append(self.file)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self.file.flush()
        return UploadedFile(self.file, self.file_name, self.content_type, file_size)


@contextmanager
def uploaded(request: HttpRequest, body: BinaryIO, name: str) -> Iterator[tuple[BinaryIO, str]]:
    """Yield the file that a request brings, and its name: that of a form's field `file`, or a raw body itself.

    Raises Invalid, UnsupportedType.
    """
    if request.content_type != FORM:
        if request.content_type in NO_BYTES or (request.content_type or "").startswith("multipart/"):
            raise UnsupportedType(f"Send a form, as {FORM} with a `{FIELD}`, or the bytes of a file as {RAW}.")
        yield body, name
        return
    handler = _IntoUnnamedFile()
    try:
        yield _file_of(request, body, handler)
    finally:
        for each in handler.opened:
            each.close()


def _file_of(request: HttpRequest, body: BinaryIO, handler: _IntoUnnamedFile) -> tuple[BinaryIO, str]:
    try:
        _, files = MultiPartParser(request.META, cast(Any, body), [handler], "utf-8").parse()
    except UNREADABLE as error:
        raise Invalid("The multipart body cannot be read.") from error
    given = [each for _, each_list in files.lists() for each in each_list]
    if len(given) != 1 or FIELD not in files:
        raise Invalid(errors={FIELD: ["Send one file in this field."]})
    return given[0].file, given[0].name or ""
