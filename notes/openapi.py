"""`/openapi/notes.json`: the document to paste into the editor of a GPT, with what its importer demands.

OpenAPI 3.1.0, one https server, summaries and descriptions of at most 300 characters, of parameters at most 700, and
for each operation whether ChatGPT asks the person each time (`x-openai-isConsequential`). It holds no secret.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from common.views import AsyncView, json_response
from notes.api.base import READ, WRITE
from notes.payloads import ACTION_PAGE
from notes.text import MAX_TAG, MAX_TAGS, MAX_TITLE

Schema = dict[str, Any]


class DocumentView(AsyncView):
    public = True
    cors = False

    @extend_schema(exclude=True)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Answer the document; it is the same for everybody."""
        return json_response(build(), headers={"Cache-Control": "no-cache"})


def build() -> Schema:
    """Return the document. Importers take https only, so a site without it is named as it will be behind TLS."""
    site = f"https://{settings.SITE_URL.partition('://')[2]}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley notes",
            "version": settings.VERSION,
            "description": "Keeps answers worth keeping: saves notes of the signed-in user, and finds them again.",
        },
        "servers": [{"url": site}],
        "security": [{"oauth": [READ, WRITE]}],
        "paths": {
            "/api/notes/": {"get": _LIST, "post": _SAVE},
            "/api/notes/{id}/": {"parameters": [_ID], "get": _READ, "patch": _CHANGE, "delete": _DELETE},
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"oauth": _oauth(site)}},
    }


def _oauth(site: str) -> Schema:
    flow = {
        "authorizationUrl": f"{site}/oauth/authorize/",
        "tokenUrl": f"{site}/oauth/token/",
        "refreshUrl": f"{site}/oauth/token/",
        "scopes": {READ: "Read your notes", WRITE: "Save, change and delete your notes"},
    }
    return {"type": "oauth2", "flows": {"authorizationCode": flow}}


def _operation(name: str, summary: str, text: str, scope: str, asks: bool, answers: Schema, **more: Any) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "description": text,
        "x-openai-isConsequential": asks,
        "security": [{"oauth": [scope]}],
        **more,
        "responses": {**answers, "default": _answer("A refusal; `detail` says why.", "Problem")},
    }


def _answer(text: str, schema: str) -> Schema:
    kind = "application/problem+json" if schema == "Problem" else "application/json"
    return {"description": text, "content": {kind: {"schema": _ref(schema)}}}


def _body(schema: str) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, text: str, **schema: Any) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}


def _text(text: str, **more: Any) -> Schema:
    return {"type": "string", "description": text, **more}


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a note, as listNotes and saveNote give it.",
    "schema": {"type": "string", "format": "uuid"},
}
_TAGS = {
    "type": "array",
    "maxItems": MAX_TAGS,
    "items": {"type": "string", "maxLength": MAX_TAG},
    "description": "Short labels to find the note by, such as `recipe`.",
}
_CONTENT = _text("The text of the note as Markdown, exactly as it shall be kept.", minLength=1)
_TITLE = _text("A title; without one, the first heading or line of the content.", maxLength=MAX_TITLE)
_SUMMARY: Schema = {
    "id": {"type": "string", "format": "uuid"},
    "title": {"type": "string"},
    "length": {"type": "integer", "description": "Characters of the whole content."},
    "tags": {"type": "array", "items": {"type": "string"}},
    "source": {"type": "string"},
    "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time"},
}
_NOTE: Schema = {
    **_SUMMARY,
    "content": _text("Markdown."),
    "truncated": {"type": "boolean", "description": "Whether the content goes on after what is shown."},
    "next_offset": {"type": ["integer", "null"], "description": "The `offset` to go on reading from."},
    "source_url": {"type": "string"},
    "source_message": {"type": ["string", "null"]},
}
_SCHEMAS: Schema = {
    "NewNote": {
        "type": "object",
        "required": ["content"],
        "properties": {
            "content": _CONTENT,
            "title": _TITLE,
            "tags": _TAGS,
            "source_url": _text("The address of the page it is from, if any.", maxLength=2000),
        },
    },
    "NoteChange": {"type": "object", "properties": {"content": _CONTENT, "title": _TITLE, "tags": _TAGS}},
    "Note": {"type": "object", "required": list(_NOTE), "properties": _NOTE},
    "NoteSummary": {
        "type": "object",
        "required": [*_SUMMARY, "excerpt"],
        "properties": {**_SUMMARY, "excerpt": _text("The beginning of the content, on one line.")},
    },
    "NoteList": {
        "type": "object",
        "required": ["next", "previous", "results"],
        "properties": {
            "next": {"type": ["string", "null"], "description": "Its `cursor` leads to the older notes."},
            "previous": {"type": ["string", "null"]},
            "results": {"type": "array", "items": _ref("NoteSummary")},
        },
    },
    "Problem": {
        "type": "object",
        "required": ["title", "status", "code", "detail"],
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        },
    },
}
_LIST = _operation(
    "listNotes",
    "List or search my notes",
    "Returns my notes, newest first, with the beginning of each; readNote gives a whole one.",
    READ,
    False,
    {"200": _answer("Some notes.", "NoteList")},
    parameters=[
        _query("search", "Words that must all occur in title, content or tags, in any case.", type="string"),
        _query("tag", "Only notes with this tag.", type="string"),
        _query("cursor", "The value of `cursor` in the address `next` of the page before.", type="string"),
        _query("page_size", "How many notes.", type="integer", minimum=1, maximum=ACTION_PAGE),
    ],
)
_SAVE = _operation(
    "saveNote",
    "Save a note",
    "Saves a text as a note of mine. The same text with the same title and tags is saved once: "
    "a repetition returns the note that is there.",
    WRITE,
    False,
    {"200": _answer("It was saved before.", "Note"), "201": _answer("The new note.", "Note")},
    requestBody=_body("NewNote"),
)
_READ = _operation(
    "readNote",
    "Read a note",
    "Returns a note. A long one comes in parts: while `truncated` is true, go on with `offset` = `next_offset`.",
    READ,
    False,
    {"200": _answer("The note.", "Note")},
    parameters=[_query("offset", "How many characters of the content to leave out.", type="integer", minimum=0)],
)
_CHANGE = _operation(
    "changeNote",
    "Change a note",
    "Replaces title, content or tags of a note; what is not given stays.",
    WRITE,
    True,
    {"200": _answer("The note as it is now.", "Note")},
    requestBody=_body("NoteChange"),
)
_DELETE = _operation(
    "deleteNote",
    "Delete a note",
    "Deletes a note for good.",
    WRITE,
    True,
    {"204": {"description": "It is gone."}},
)
