"""Where chats lie: what no list shows is there for whoever has its id, and `archived` takes it nowhere."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chats.models import Chat, Folder
from conftest import Person

HIDDEN = [Folder.TEMPORARY, Folder.TRASH]
PLACES = [
    "/api/chats/", "/api/chats/?archived=true", "/api/chats/?search=Mine", "/api/chats/?pinned=true",
    "/api/chats/history/", "/todays_chat/",
]  # fmt: skip


def put(person: Person, folder: Folder) -> str:
    """Make a pinned chat that lies in a folder."""
    chat = person.chat(title="Mine")
    expires = timezone.now() + timedelta(days=1) if folder in HIDDEN else None
    Chat.objects.filter(pk=chat).update(folder=folder, expires_at=expires, pinned=True)
    return chat


@pytest.mark.parametrize("folder", HIDDEN)
def test_what_is_temporary_or_in_the_trash_is_in_no_list(alice: Person, folder: Folder) -> None:
    chat = put(alice, folder)

    for place in PLACES:
        assert chat not in alice.get(place).text
    shown = alice.get(f"/api/chats/{chat}/").json()
    assert (shown["id"], shown["archived"]) == (chat, False)


def test_the_others_are_where_they_were(alice: Person) -> None:
    active, archived = put(alice, Folder.ACTIVE), put(alice, Folder.ARCHIVED)

    assert [active in alice.get(place).text for place in PLACES] == [True, False, True, True, True, True]
    assert [archived in alice.get(place).text for place in PLACES] == [False, True, False, False, False, True]


def test_archived_moves_between_the_two_folders_of_the_lists(alice: Person) -> None:
    chat = put(alice, Folder.ACTIVE)

    for archived, folder in ((True, Folder.ARCHIVED), (True, Folder.ARCHIVED), (False, Folder.ACTIVE)):
        answer = alice.http.patch(f"/api/chats/{chat}/", json={"archived": archived})
        assert answer.json()["archived"] is archived
        assert Chat.objects.get(pk=chat).folder == folder


@pytest.mark.parametrize("folder", HIDDEN)
def test_archived_leads_out_of_no_other_folder(alice: Person, folder: Folder) -> None:
    chat = put(alice, folder)
    before = Chat.objects.get(pk=chat)

    into = alice.http.patch(f"/api/chats/{chat}/", json={"archived": True, "title": "Other"})
    out = alice.http.patch(f"/api/chats/{chat}/", json={"archived": False, "pinned": True})

    assert (into.status_code, list(into.json()["errors"])) == (400, ["archived"])
    assert (out.status_code, out.json()["archived"]) == (200, False)
    after = Chat.objects.get(pk=chat)
    assert (after.folder, after.expires_at, after.title) == (folder, before.expires_at, "Mine")
