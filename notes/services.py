"""Saving, finding, changing and deleting notes: plain synchronous functions that every door calls.

What a caller passes in has the right form already (`notes.serializers`). A foreign note does not exist: NoteNotFound.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Left
from django.utils import timezone
from limits import RateLimitItemPerMinute

from accounts.models import Profile
from accounts.security.counters import limiter
from common.errors import NotSignedIn
from common.folding import folded
from common.text_sources import TextSource, texts_changed
from notes.errors import NoteNotFound, NotesFull, TooManyNotes
from notes.models import Note, Source
from notes.text import normal_tags, one_line, tag_lines, title_of

EXCERPT = 200
MAX_WORDS = 10
SOURCE = TextSource(
    "note", lambda: Note.objects.values("pk", "owner_id", "title", "created_at", text=F("content")), "note-page"
)


class Saved(NamedTuple):
    """A note, and False where an identical save had made it before."""

    note: Note
    made: bool


@dataclass(frozen=True, slots=True)
class NoteSummary:
    """A note in a list: `excerpt` is the beginning on one line, `length` counts the characters of the whole."""

    id: UUID
    title: str
    excerpt: str
    length: int
    tags: list[str]
    source: str
    created_at: datetime
    updated_at: datetime


class NotePage(NamedTuple):
    """Some notes, newest first; `before` leads to the older ones, None at the end."""

    notes: list[NoteSummary]
    before: UUID | None


def save_note(
    *,
    owner_id: int,
    content: str,
    title: str = "",
    tags: Iterable[str] = (),
    source: Source = Source.API,
    source_url: str = "",
    source_message: UUID | None = None,
) -> Saved:
    """Save a note; what was saved before, word for word, is found again instead, also by parallel calls.

    A message is known by its id alone. Raises TooManyNotes, NotesFull.
    """
    count_write(owner_id)
    tags = normal_tags(tags)
    asked = [source_message] if source_message else [content, title, tags, source, source_url]
    digest = hashlib.sha256(orjson.dumps(asked)).hexdigest()
    if known := Note.objects.filter(owner_id=owner_id, digest=digest).first():
        return Saved(known, False)
    now = timezone.now()
    note = Note(
        owner_id=owner_id, source=source, source_url=source_url, source_message=source_message, digest=digest,
        created_at=now, updated_at=now,
    )  # fmt: skip
    _write(note, title, content, tags)
    try:
        with transaction.atomic():
            _require_room(owner_id)
            Note.objects.bulk_create([note], ignore_conflicts=True)
            _announce(note.pk)
    except IntegrityError as error:  # the account was deleted a moment ago
        raise NotSignedIn() from error
    kept = Note.objects.get(owner_id=owner_id, digest=digest)
    return Saved(kept, kept.pk == note.pk)


def change_note(
    *,
    owner_id: int,
    note_id: UUID,
    title: str | None = None,
    content: str | None = None,
    tags: Sequence[str] | None = None,
) -> Note:
    """Change what is given; an empty title is derived from the content again. Raises NoteNotFound, TooManyNotes."""
    count_write(owner_id)
    with transaction.atomic():
        note = Note.objects.select_for_update(no_key=True).filter(pk=note_id, owner_id=owner_id).first()
        if note is None:
            raise NoteNotFound()
        _write(
            note,
            note.title if title is None else title,
            note.content if content is None else content,
            note.tags if tags is None else normal_tags(tags),
        )
        note.updated_at = timezone.now()
        note.save(update_fields=["title", "content", "length", "tag_lines", "folded", "updated_at"])
        _announce(note.pk)
    return note


def delete_note(*, owner_id: int, note_id: UUID) -> None:
    """Delete a note; the same may then be saved anew. Raises NoteNotFound."""
    with transaction.atomic():
        if not Note.objects.filter(pk=note_id, owner_id=owner_id).delete()[0]:
            raise NoteNotFound()
        _announce(note_id)


def read_note(*, owner_id: int, note_id: UUID) -> Note:
    """Return a whole note. Raises NoteNotFound."""
    note = Note.objects.filter(pk=note_id, owner_id=owner_id).first()
    if note is None:
        raise NoteNotFound()
    return note


def find_notes(*, owner_id: int, search: str = "", tag: str = "") -> "QuerySet[Note]":
    """Return the notes in which each of the first ten words of `search` occurs, and which have the tag.

    Without a search a page costs an index scan; a search reads all notes of the user (at most `NOTES_PER_USER`).
    """
    found = Note.objects.filter(owner_id=owner_id).defer("content", "folded")
    for word in folded(search).split()[:MAX_WORDS]:
        found = found.filter(folded__contains=word)
    for wanted in normal_tags([tag]):
        found = found.filter(tag_lines__contains=tag_lines([wanted]))
    return found.annotate(beginning=Left("content", 2 * EXCERPT))


def list_notes(
    *, owner_id: int, search: str = "", tag: str = "", before: UUID | None = None, limit: int = 20
) -> NotePage:
    """Return a page of notes, newest first."""
    found = find_notes(owner_id=owner_id, search=search, tag=tag).order_by("-id")
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found[: limit + 1])
    return NotePage([summary_of(row) for row in rows[:limit]], rows[limit - 1].pk if len(rows) > limit else None)


def summary_of(note: Note) -> NoteSummary:
    """Return a row of `find_notes` as it is listed."""
    beginning = one_line(note.beginning)  # type: ignore[attr-defined]
    return NoteSummary(
        note.pk, note.title, beginning[:EXCERPT], note.length, note.tags, note.source, note.created_at, note.updated_at
    )


def delete_all_notes(owner_id: int) -> None:
    """Delete every note of a user, inside the caller's transaction."""
    Note.objects.filter(owner_id=owner_id).delete()


def count_write(owner_id: int) -> None:
    """Count one save or change; raise TooManyNotes."""
    item = RateLimitItemPerMinute(settings.NOTE_WRITES_PER_MINUTE, namespace="notes")
    wait = limiter().take(item, str(owner_id))
    if wait is not None:
        raise TooManyNotes(retry_after=wait)


def _require_room(owner_id: int) -> None:
    """Raise NotesFull; the user's saves come one after the other from here on, so that parallel ones all count."""
    Profile.objects.select_for_update(no_key=True).filter(user=owner_id).values_list("pk").first()
    if Note.objects.filter(owner_id=owner_id).count() >= settings.NOTES_PER_USER:
        raise NotesFull()


def _announce(note_id: UUID) -> None:
    texts_changed.send(Note, kind=SOURCE.kind, ids=[note_id])


def _write(note: Note, title: str, content: str, tags: Sequence[str]) -> None:
    note.title = one_line(title) or title_of(content)
    note.content, note.length = content, len(content)
    note.tag_lines = tag_lines(tags)
    note.folded = folded(f"{note.title}\n{' '.join(tags)}\n{content}")
