"""Assistants: whose they are, what a chat has of them, and that it keeps that whatever becomes of them."""

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client

from chats.models import Assistant, Change
from chats.tests.helpers import asked, is_refusal
from conftest import Person
from llm.models import Model, Provider
from llm.testing import FakeProvider

SETTINGS = {"system": "Be a pirate.", "temperature": 0.5, "tools": []}


def make(person: Person, **values: Any) -> dict[str, Any]:
    answer = person.post("/api/assistants/", {"name": "Pirate", "settings": SETTINGS, **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def listed(person: Person) -> list[str]:
    return [row["id"] for row in person.get("/api/assistants/?page_size=200").json()["results"]]


def change(person: Person, chat: str, **values: Any) -> dict[str, Any]:
    return dict(person.http.patch(f"/api/chats/{chat}/", json=values).json())


def shared(person: Person | None, *members: Person) -> str:
    """Make an assistant of a group, or of everyone, as staff do."""
    group = None
    if person:
        group = Group.objects.create(name=f"group {uuid.uuid4()}")
        group.user_set.set([each.id for each in (person, *members)])
    return str(Assistant.objects.create(name="Shared", settings=SETTINGS, group=group).pk)


def test_ones_own_are_made_read_changed_and_deleted(alice: Person) -> None:
    made = make(alice, description="Arr", model="openai")
    address = f"/api/assistants/{made['id']}/"
    assert (made["scope"], made["group"], made["editable"]) == ("own", None, True)
    assert (made["name"], made["description"], made["model"], made["settings"]) == ("Pirate", "Arr", "openai", SETTINGS)
    assert alice.get(address).json() == made

    changed = alice.http.patch(address, json={"name": " Sea\n dog ", "settings": {"top_p": 1, "system": None}}).json()

    assert (changed["name"], changed["settings"], changed["description"]) == ("Sea dog", {"top_p": 1}, "Arr")
    assert listed(alice)[0] == made["id"]
    assert alice.http.delete(address).status_code == 204
    assert is_refusal(alice.get(address), 404)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"), ({"name": None}, "name"), ({"name": "x" * 201}, "name"), ({"name": "\0"}, "name"),
        ({"model": "nobody/nothing"}, "model"), ({"settings": None}, "settings"),
        ({"settings": {"sistem": ""}}, "sistem"),
        ({"settings": {"temperature": 3}}, "temperature"), ({"owner": 1}, "owner"), ({"scope": "everyone"}, "scope"),
        ({"description": "x" * 1001}, "description"), ({"group": 1}, "group"),
    ],
)  # fmt: skip
def test_what_is_no_assistant_is_refused_at_its_field(alice: Person, values: dict[str, Any], field: str) -> None:
    made = make(alice)

    for answer in (
        alice.post("/api/assistants/", {"name": "x", **values}),
        alice.http.patch(f"/api/assistants/{made['id']}/", json=values),
    ):
        assert is_refusal(answer, 400)
        assert field in answer.json()["errors"]
    assert alice.get(f"/api/assistants/{made['id']}/").json() == made


def test_those_of_others_are_404_everywhere(alice: Person, bob: Person) -> None:
    mine, groups, everyones = make(alice)["id"], shared(alice), shared(None)
    chat = bob.chat()
    assert {mine, groups, everyones} <= set(listed(alice))
    assert set(listed(bob)) & {mine, groups, everyones} == {everyones}

    for id_ in (mine, groups, str(uuid.uuid4())):
        address = f"/api/assistants/{id_}/"
        for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
            assert is_refusal(bob.http.request(method, address, json=body), 404)
        new = str(uuid.uuid4())
        assert is_refusal(bob.post("/api/chats/", {"assistant": id_, "id": new}), 404)
        assert is_refusal(bob.get(f"/api/chats/{new}/"), 404)
        assert is_refusal(bob.http.patch(f"/api/chats/{chat}/", json={"assistant": id_}), 404)
    assert alice.get(f"/api/assistants/{mine}/").json()["name"] == "Pirate"
    assert bob.get(f"/api/chats/{chat}/").json()["assistant"] is None


def test_who_may_use_one_only_is_told_so(alice: Person, bob: Person) -> None:
    for id_, scope in ((shared(alice, bob), "group"), (shared(None), "everyone")):
        address = f"/api/assistants/{id_}/"
        found = bob.get(address).json()
        assert (found["scope"], found["editable"]) == (scope, False)
        assert is_refusal(bob.http.patch(address, json={"name": "Mine"}), 403)
        assert is_refusal(bob.http.delete(address), 403)
        assert bob.get(address).json() == found
        assert bob.chat(assistant=id_)


def test_a_chat_begins_with_its_settings_and_keeps_them(alice: Person, fake: FakeProvider) -> None:
    made = make(alice, model="gemini")
    chat = alice.chat(assistant=made["id"], settings={"temperature": 0.25, "system": None})
    same = alice.chat(assistant=made["id"], model="openai")

    found = alice.get(f"/api/chats/{chat}/").json()
    assert (found["assistant"], found["model"]) == (made["id"], "gemini")
    assert found["settings"] == {"temperature": 0.25, "tools": []}
    assert alice.get(f"/api/chats/{same}/").json()["model"] == "openai"
    alice.http.patch(f"/api/assistants/{made['id']}/", json={"settings": {}, "model": ""})
    alice.http.delete(f"/api/assistants/{made['id']}/")
    assert alice.get(f"/api/chats/{chat}/").json() == found

    alice.say(same, "Hello")
    assert asked(fake.requests()[-1])[0] == "Be a pirate."


def test_a_chat_takes_one_later_and_forgets_it(alice: Person) -> None:
    made, plain = make(alice, model="gemini"), make(alice, settings={})
    chat = alice.chat(settings={"top_p": 0.5}, model="openai")

    taken = change(alice, chat, assistant=made["id"])
    assert (taken["assistant"], taken["model"], taken["settings"]) == (made["id"], "gemini", SETTINGS)
    forgotten = change(alice, chat, assistant=None)
    assert (forgotten["assistant"], forgotten["model"], forgotten["settings"]) == (None, "gemini", SETTINGS)
    both = change(alice, chat, assistant=plain["id"], settings={"top_p": 1}, title="New")
    assert (both["model"], both["settings"], both["title"]) == ("gemini", {"top_p": 1}, "New")
    assert Change.objects.filter(chat=chat, kind=Change.Kind.CHAT).count() == 4


def test_a_model_that_is_not_open_falls_back_as_a_remembered_one(alice: Person, fake: FakeProvider) -> None:
    hidden = Model.objects.create(
        provider=Provider.objects.get_or_create(name="openai")[0], model_id=f"hidden-{uuid.uuid4()}", enabled=False
    )
    id_ = Assistant.objects.create(name="Old", model=str(hidden), settings={}).pk

    answer = alice.say(alice.chat(assistant=str(id_)), "Hello")

    assert answer.status_code == 201
    assert answer.json()["reply"]["model"] != hidden.model_id
    hidden.provider.delete()


def test_staff_edit_what_is_shared_and_see_nobodys_own(alice: Person) -> None:
    own, everyones = make(alice, name="My secret plan")["id"], shared(None)
    staff = get_user_model().objects.create_user(f"staff-{alice.id}@example.org", "x", is_staff=True)
    browser, listing = Client(), "/admin/chats/assistant/"
    browser.force_login(staff, "accounts.backends.EmailBackend")
    assert browser.get(f"{listing}{everyones}/change/").status_code == 403

    staff.user_permissions.set(Permission.objects.filter(codename__endswith="_assistant"))
    page = browser.get(f"{listing}?all=").content.decode()
    assert everyones in page
    assert own not in page
    assert "secret plan" not in page
    assert browser.get(f"{listing}{own}/change/").status_code == 302  # there is no such row

    form = {"name": "Ours", "description": "", "group": "", "model": "", "settings": '{"system": "New."}'}
    assert browser.post(f"{listing}{everyones}/change/", form).status_code == 302
    found = alice.get(f"/api/assistants/{everyones}/").json()
    assert (found["name"], found["settings"]) == ("Ours", {"system": "New."})
    for wrong in ({"settings": '{"sistem": ""}'}, {"settings": "[]"}, {"settings": "null"}, {"model": "no/such"}):
        assert browser.post(f"{listing}{everyones}/change/", {**form, **wrong}).status_code == 200
    assert alice.get(f"/api/assistants/{everyones}/").json() == found


def test_they_go_with_their_owner(alice: Person) -> None:
    made = make(alice)["id"]

    assert (
        alice.http.request("DELETE", "/api/users/self/", json={"password": "correct horse battery 9"}).status_code
        == 204
    )
    assert not Assistant.objects.filter(pk=made).exists()
