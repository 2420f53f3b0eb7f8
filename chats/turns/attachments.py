"""Files of questions, as a model is shown them: described while a prompt is made, read when it is sent."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import orjson
from django.conf import settings

from chats.errors import Unsupported
from chats.parts import FILE, Part, json_text
from common.media import MEDIA_TYPES
from common.sql import Statement
from common.threads import run_in_thread
from files.models import File as FileRow
from files.payloads import part_payload
from files.services import require_ready
from files.storage import open_bytes, read_prompt
from llm.abilities import Abilities
from llm.catalog import Model
from llm.client.types import File, Prompt, PromptMessage, PromptPart, Role, Text

RECENT_TURNS = 2  # before the question, whose pictures a model is shown again


@dataclass(frozen=True, slots=True)
class StoredText(Text):
    """The text of a file, yet to be read; so many bytes."""

    id: UUID
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredPicture(File):
    """What models are shown of a picture, yet to be read."""

    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class StoredDocument(File):
    """A PDF, yet to be read as a whole; so many bytes."""

    id: UUID | None = None
    size: int = 0


def part_of(file: FileRow) -> Part:
    """Return the part of a message that a file is."""
    return FILE, orjson.dumps({"file": part_payload(file)}).decode()


def file_ids(parts: Iterable[Part]) -> list[UUID]:
    """Return which files a message has."""
    return [UUID(orjson.loads(text)["file"]["id"]) for kind, text in parts if kind == FILE]


def link_statement(chat_id: UUID, message_id: UUID, ids: Sequence[UUID]) -> Statement:
    """Return the statement that has a message refer to its files; none of them can be deleted from then on."""
    rows = ", ".join(["(%s, %s, %s)"] * len(ids))
    values = [value for id_ in ids for value in (chat_id, message_id, id_)]
    return f"INSERT INTO chats_messagefile (chat_id, message_id, file_id) VALUES {rows} ON CONFLICT DO NOTHING", values


class Described:
    """What there is to say of the files of a prompt: what is not `known` is read in one statement."""

    def __init__(self, known: Iterable[FileRow], messages: Iterable[Iterable[Part]]) -> None:
        self._rows = {row.pk: row for row in known}
        ids = {id_ for parts in messages for id_ in file_ids(parts)} - self._rows.keys()
        if ids:
            self._rows |= FileRow.objects.in_bulk(ids)

    def message(
        self, parts: Sequence[Part], text: str, model: Model, turns_ago: int, made: Sequence[UUID] = ()
    ) -> PromptMessage:
        """Return a question of so many turns ago, with the files `made` by the reply before it.

        Of earlier ones, what the model cannot see, or need not again, is told in words. For a file of the question
        itself that it cannot be shown, this raises Unsupported, or FileNotReady where its text is missed.
        """
        ids = file_ids(parts)
        shown = self._made(made, model, turns_ago + 1)
        if not ids and not shown:
            return PromptMessage("user", text)
        for id_ in ids:
            row = self._rows.get(id_)
            if row and not turns_ago:
                shown.append(shown_now(row, model))
                continue
            found = _shown(row, model.abilities, turns_ago <= RECENT_TURNS) if row else None
            shown.append(found or Text(f"[The user had sent a file here: {row.name if row else 'deleted'}]\n\n"))
        return PromptMessage("user", text, (*shown, *([Text(text)] if text else [])))

    def _made(self, ids: Sequence[UUID], model: Model, turns_ago: int) -> list[PromptPart]:
        found = list[PromptPart]()
        for row in filter(None, map(self._rows.get, ids)):
            if part := _shown(row, model.abilities, turns_ago <= RECENT_TURNS):
                found += [Text(f"[The file that you made: {row.name}]\n"), part]
        return found


def shown_now(row: FileRow, model: Model) -> PromptPart:
    """Return a file of the question itself; raise Unsupported, or FileNotReady where its text is missed."""
    if found := _shown(row, model.abilities, is_recent=True):
        return found
    require_ready(row)
    raise Unsupported(model.name, ["images" if row.width else "files"])


def with_stored(prompt: Prompt, ids: Sequence[UUID], rows: Iterable[FileRow], model: Model) -> Prompt:
    """Return a caller's own prompt with the files of its question as they are stored; raises what `shown_now` does."""
    if not ids:
        return prompt
    *earlier, question = prompt.messages
    found, coming = {row.pk: row for row in rows}, iter(ids)
    parts = list[PromptPart]()
    for part in question.parts:
        if isinstance(part, File):
            shown = shown_now(found[next(coming)], model)
            parts.append(replace(shown, detail=part.detail) if isinstance(shown, StoredPicture) else shown)
        else:
            parts.append(part)
    return replace(prompt, messages=(*earlier, replace(question, parts=tuple(parts))))


def _shown(row: FileRow, can: Abilities, is_recent: bool) -> PromptPart | None:
    """Return a file as a model can be shown it: a picture small, a PDF as it is where that is no risk, else as text."""
    if row.width:
        is_seen = is_recent and can.images is not False
        return StoredPicture("image/jpeg", name=row.name, id=row.pk) if is_seen else None
    if MEDIA_TYPES[row.media_type].kind == "pdf" and is_recent and _takes_whole(row, can):
        return StoredDocument(row.media_type, name=row.name, id=row.pk, size=row.size)
    return StoredText("", row.pk, row.name, row.prompt_size) if row.prompt_size else None


def _takes_whole(row: FileRow, can: Abilities) -> bool:
    return takes_whole(can, row.size, has_text=bool(row.prompt_size), is_readable=row.state == FileRow.State.READY)


def takes_whole(can: Abilities, size: int, has_text: bool, is_readable: bool) -> bool:
    """Tell whether a model gets a PDF itself: where it is known to read them, or may, and there is no text in it.

    One that we could not read is nothing to try on a model that may not.
    """
    if can.files is True:
        return size <= settings.FILE_NATIVE_BYTES or not has_text
    return can.files is None and is_readable and not has_text


def stored_size(prompt: Prompt) -> int:
    """Return the most tokens that the files of a prompt that are yet to be read can be, pictures aside."""
    parts = [part for message in prompt.messages for part in message.parts]
    texts = sum([part.size for part in parts if isinstance(part, StoredText)])
    return texts + sum([4 * part.size // 3 for part in parts if isinstance(part, StoredDocument)])


def title_source(parts: Sequence[Part], text: str) -> str:
    """Return what a chat is named after: what was said, else the first file."""
    named = [orjson.loads(each)["file"]["name"] for kind, each in parts if kind == FILE] if not text.strip() else []
    return named[0] if named else text


async def with_files(prompt: Prompt) -> Prompt:
    """Return a prompt with all of its files read."""
    if all(not _is_stored(part) for message in prompt.messages for part in message.parts):
        return prompt
    return await run_in_thread(partial(_with_files, prompt))


def _is_stored(part: PromptPart) -> bool:
    return isinstance(part, StoredText | StoredPicture | StoredDocument)


def _with_files(prompt: Prompt) -> Prompt:
    return replace(prompt, messages=tuple(_read_message(message) for message in prompt.messages))


def _read_message(message: PromptMessage) -> PromptMessage:
    if not any(map(_is_stored, message.parts)):
        return message
    return message_of(message.role, tuple(map(_read, message.parts)))


def message_of(role: Role, parts: tuple[PromptPart, ...]) -> PromptMessage:
    """Return a message with its text, which is that of its parts."""
    return PromptMessage(role, "".join(part.text for part in parts if isinstance(part, Text)), parts)


def _read(part: PromptPart) -> PromptPart:
    match part:
        case StoredText():
            return Text(framed(part.name, read_prompt(part.id).decode()))
        case StoredPicture(id=UUID() as id_):
            return File(part.media_type, read_prompt(id_).decode("ascii"), part.name, part.detail)
        case StoredDocument(id=UUID() as id_):
            return File(part.media_type, _whole(id_), part.name)
    return part


def _whole(id_: UUID) -> str:
    with open_bytes(id_) as file:
        return base64.b64encode(file.read()).decode("ascii")


def framed(name: str, text: str) -> str:
    """Set the text of a file apart from what its user says."""
    title = json_text(name)
    return f"<file name={title}>\n{text}\n</file>\n\n"


def texts_of(owner_files: Iterable[FileRow]) -> list[str]:
    """Return the texts of files, for a moderator; blocking."""
    return [read_prompt(row.pk).decode() for row in owner_files if not row.width and row.prompt_size]
