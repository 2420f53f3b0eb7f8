"""A device that reads the changes once after a week has the same picture as one that read them all along."""

import random
from typing import Any

import pytest

from chats.models import Feedback
from chats.tests.helpers import begin, eventually
from conftest import Person
from feed.tests.helpers import all_after, following, now


class Device:
    """A client as the documentation describes it: it takes a cursor, reads everything, then goes by the changes."""

    def __init__(self, person: Person) -> None:
        self.person, self.chats = person, dict[str, Any]()
        self.feedback: dict[tuple[str, str], int] = {}
        self.cursor = now(person)
        for chat in everything(person):
            self._look(chat)

    def catch_up(self, size: int = 50) -> None:
        results, self.cursor = all_after(self.person, self.cursor, size)
        for row in results:
            self.apply(row)

    def apply(self, row: dict[str, Any]) -> None:
        if row["kind"] == "chat_deleted":
            self._drop(row["chat"])
        elif row["kind"] == "feedback":
            self._look_at_feedback(row["chat"], row["message"])
        else:
            self._look(row["chat"])

    def _look(self, chat: str) -> None:
        found = picture_of(self.person, chat)
        if found is None:
            self._drop(chat)  # deleted meanwhile
        else:
            self.chats[chat] = found

    def _look_at_feedback(self, chat: str, message: str) -> None:
        answer = self.person.get(f"/api/chats/{chat}/messages/{message}/feedback/")
        self.feedback.pop((chat, message), None)
        if answer.status_code == 200:
            self.feedback[chat, message] = answer.json()["value"]

    def _drop(self, chat: str) -> None:
        self.chats.pop(chat, None)
        self.feedback = {place: value for place, value in self.feedback.items() if place[0] != chat}


def everything(person: Person) -> list[str]:
    """Return all chats, archived ones too."""
    pages = [person.get("/api/chats/", params={"archived": flag, "page_size": 200}).json() for flag in (False, True)]
    return [chat["id"] for page in pages for chat in page["results"]]


def picture_of(person: Person, chat: str) -> dict[str, Any] | None:
    """Return what the API says of a chat and its messages; None where it is gone."""
    answer = person.get(f"/api/chats/{chat}/")
    if answer.status_code == 404:
        return None
    return {**answer.json(), "messages": person.messages(chat)}


class Life:
    """What somebody does in a week."""

    def __init__(self, person: Person, seed: int) -> None:
        self.person, self.dice = person, random.Random(seed)
        self.chats: list[str] = []

    def do_something(self) -> None:
        acts = [self.begin, self.send, self.send, self.change, self.change, self.again, self.feedback, self.delete]
        act = self.dice.choice(acts)
        (act if self.chats else self.begin)()

    @property
    def chat(self) -> str:
        return self.dice.choice(self.chats)

    def begin(self) -> None:
        self.chats.append(self.person.chat(**self.dice.choice([{}, {"title": "Named"}])))

    def send(self) -> None:
        self.person.say(self.chat, self.dice.choice(["Hello", "/gemini Hi", '!fake {"text": ""}', "Bye"]))

    def change(self) -> None:
        values = [{"title": f"T{self.dice.random()}"}, {"pinned": True}, {"archived": True}, {"archived": False}]
        self.person.http.patch(f"/api/chats/{self.chat}/", json=self.dice.choice(values))

    def again(self) -> None:
        chat = self.chat
        if rows := self.person.messages(chat):
            self.person.post(f"/api/chats/{chat}/messages/{rows[-1]['id']}/regenerate/")
            self.person.http.patch(f"/api/chats/{chat}/", json={"head": self.dice.choice(rows)["id"]})

    def feedback(self) -> None:
        chat = self.chat
        if rows := self.person.messages(chat):
            path = f"/api/chats/{chat}/messages/{rows[-1]['id']}/feedback/"
            verb = self.dice.choice(["PUT", "PUT", "DELETE"])
            self.person.http.request(verb, path, json={"value": self.dice.choice([1, -1])})

    def delete(self) -> None:
        chat = self.chat
        self.chats.remove(chat)
        self.person.http.delete(f"/api/chats/{chat}/")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_end_with_what_the_server_says(alice: Person, bob: Person, seed: int) -> None:
    Life(alice, 100).do_something()
    followed_all_along, read_once = Device(alice), Device(alice)
    life, other = Life(alice, seed), Life(bob, seed)

    for _ in range(40):
        life.do_something()
        if life.dice.random() < 0.1:
            other.do_something()
        if life.dice.random() < 0.5:
            followed_all_along.catch_up()
    followed_all_along.catch_up()
    read_once.catch_up(size=7)

    truth = {chat: picture_of(alice, chat) for chat in everything(alice)}
    assert followed_all_along.chats == truth
    assert read_once.chats == truth
    said = Feedback.objects.filter(chat__owner_id=alice.id).values_list("chat_id", "message_id", "value")
    given = {(str(chat), str(message)): value for chat, message, value in said}
    assert followed_all_along.feedback == read_once.feedback == given
    assert len(truth) > 1


def test_it_follows_with_the_same_address_after_catching_up(alice: Person) -> None:
    device = Device(alice)
    chat = alice.chat()
    with following(alice, after=device.cursor) as events:
        begin(alice, chat, "Hello")
        eventually(lambda: alice.messages(chat)[-1]["state"] == "complete")
        for _ in range(4):
            event = next(events)
            if event.name == "change":
                device.apply(event.data)

    assert device.chats == {chat: picture_of(alice, chat)}
