"""Refusals of files."""

from common.errors import Conflict, NotFound, ParleyError


class FileNotFound(NotFound):
    code, title = "file_not_found", "There is no such file."


class FileTypeRefused(ParleyError):
    status, code = 415, "file_type_refused"
    title = "Files of this type are not taken: send a PNG, JPEG, WebP, GIF or HEIC picture, a PDF, or text in UTF-8."


class FileUnreadable(ParleyError):
    code, title = "file_unreadable", "This file cannot be read."


class FileNotReady(Conflict):
    code, title = "file_not_ready", "The file is not ready yet."


class FileInUse(Conflict):
    code, title = "file_in_use", "The file is part of a message; delete that chat first."


class SpaceExceeded(ParleyError):
    status, code, title = 413, "space_exceeded", "There is no room left for this file; delete others first."
