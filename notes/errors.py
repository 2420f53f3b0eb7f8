"""Refusals of the notes app."""

from common.errors import Conflict, NotFound, TooManyRequests


class NoteNotFound(NotFound):
    code, title = "not_found", "There is no such note."


class TooManyNotes(TooManyRequests):
    code, title = "too_many_notes", "Too many notes were saved or changed in a short time; try again later."


class NotesFull(Conflict):
    code, title = "notes_full", "There is no room for another note; delete some first."


class StillRunning(Conflict):
    code, title = "turn_running", "This reply is still being made; save it when it is done."
