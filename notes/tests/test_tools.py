"""The tools of the notes, called by the model of a chat."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.serializers import ValidationError

from conftest import Person
from notes.models import Note
from tools.functions import Caller, registered_tools


def call(person: Person, name: str, **arguments: Any) -> dict[str, Any]:
    tool = registered_tools()[name]
    return tool.function(Caller(person.id, uuid4(), uuid4()), **tool.checked(arguments))


def test_what_is_saved_is_the_users_own(alice: Person) -> None:
    saved = call(alice, "save_note", content="# Soup", tags=["Cooking"], source_url="https://a.example/x")

    note = Note.objects.get(pk=saved["id"])
    assert (note.source, note.source_url, note.tags) == ("api", "https://a.example/x", ["cooking"])
    assert call(alice, "read_note", id=str(note.pk))["content"] == "# Soup"
    assert [found["id"] for found in call(alice, "search_notes", query="soup")["notes"]] == [note.pk]


@pytest.mark.parametrize("wrong", [{"content": " \n"}, {"source_url": "javascript:alert(1)"}, {"tags": ["ﷺ" * 40]}])
def test_a_note_is_held_to_what_every_door_asks(alice: Person, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        call(alice, "save_note", **{"content": "x", **wrong})

    assert [*refused.value.detail] == [*wrong]
    assert not Note.objects.filter(owner=alice.id).exists()
