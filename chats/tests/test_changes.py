"""The log of changes is complete and tells nothing twice: doors that change something, and what changes nothing."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.services.deletion import delete_account
from chats.models import Change, Chat, Turn
from chats.services.chats import change_chat, create_chat
from chats.tests.helpers import at_once, begin, ended, eventually, fake
from chats.tests.routes import METHODS, routes
from conftest import Person
from llm.testing import FakeProvider

SLOW = fake(size=900, chunk=1, delay=0.05)
TURN = ["message", "message"]  # begun, ended


@dataclass
class Doors:
    """A person with a chat of one turn, her browser and key, and what changed since this was made."""

    person: Person
    browser: Client
    key: str
    chat: str
    question: str
    reply: str
    seen: int = 0
    call: str = ""

    def told(self) -> list[tuple[str, str, str | None]]:
        """Return (kind, chat, message) of what is new in the log."""
        new = Change.objects.filter(user_id=self.person.id, pk__gt=self.seen).order_by("pk")
        rows = list(new)
        self.seen = rows[-1].pk if rows else self.seen
        return [(row.kind, str(row.chat), str(row.message) if row.message else None) for row in rows]

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.told()]

    @property
    def message(self) -> str:
        return f"/api/chats/{self.chat}/messages/{self.reply}"

    def api(self, method: str, path: str, json: Any = None, **headers: str) -> int:
        return self.person.http.request(method, path, json=json, headers=headers).status_code

    def page(self, name: str, **form: Any) -> int:
        return self.browser.post(f"/chats/{self.chat}/{name}/", form).status_code

    def on_assistant(self, method: str, body: Any = None) -> int:
        """Change an assistant that the chat began with, which is no change of the chat."""
        made = self.person.post("/api/assistants/", {"name": "A"}).json()["id"]
        self.person.http.patch(f"/api/chats/{self.chat}/", json={"assistant": made})
        self.told()
        return self.api(method, f"/api/assistants/{made}/", body)

    def ask_v1(self, **values: Any) -> int:
        body = {"model": "openai", "messages": [{"role": "user", "content": "Hi"}], **values}
        return self.api("POST", "/v1/chat/completions", body, Authorization=f"Bearer {self.key}")

    def ask_ui(self, chat: str, text: str = "Hi") -> int:
        part = {"id": uuid.uuid4().hex, "role": "user", "parts": [{"type": "text", "text": text}]}
        return self.api("POST", "/api/chat", {"id": chat, "messages": [part], "trigger": "submit-message"})


@pytest.fixture
def doors(alice: Person) -> Doors:
    browser = Client()
    browser.force_login(User.objects.get(pk=alice.id), "accounts.backends.EmailBackend")
    key = alice.post("/api/keys/", {"name": "log"}).json()["key"]
    chat = alice.chat(title="First")
    question, reply = (row["id"] for row in alice.say(chat, "Hello").json().values())
    made = Doors(alice, browser, key, chat, question, reply)
    assert made.told() == [("chat", chat, None), ("message", chat, reply), ("message", chat, reply)]
    return made


def thumbed(doors: Doors) -> None:
    doors.api("PUT", f"{doors.message}/feedback/", {"value": 1})


def running(doors: Doors) -> None:
    begin(doors.person, doors.chat, SLOW)


def waits(doors: Doors) -> None:
    """Have the newest reply wait for a call to be allowed, and know its id."""
    steps = [{"calls": [{"name": "save_note", "arguments": {"content": "x"}}]}, {"text": "Kept."}]
    settings = {"tools": ["save_note"]}
    answer = doors.person.say(doors.chat, fake(steps=steps), settings=settings).json()["reply"]
    doors.reply, doors.call = answer["id"], answer["parts"][-1]["id"]


def asked_again(doors: Doors) -> None:
    doors.reply = doors.person.post(f"{doors.message}/regenerate/").json()["reply"]["id"]


def pinned(doors: Doors) -> None:
    doors.api("PATCH", f"/api/chats/{doors.chat}/", {"pinned": True, "archived": True})


Act = Callable[[Doors], Any]
CHAT, MESSAGE = "/api/chats/<anyuuid:chat_id>", "/api/chats/<anyuuid:chat_id>/messages/<anyuuid:message_id>"
ASSISTANT = "/api/assistants/<anyuuid:assistant_id>"
PAGE, PAGE_MESSAGE = CHAT.removeprefix("/api"), MESSAGE.removeprefix("/api")
# What each door that may change something is asked, what was done before, and what is new in the log then.
WALK: dict[str, tuple[Act, Act | None, list[str]]] = {
    "post /api/chats": (lambda d: d.person.chat(), None, ["chat"]),
    f"patch {CHAT}": (lambda d: d.api("PATCH", f"/api/chats/{d.chat}/", {"title": "Other"}), None, ["chat"]),
    f"delete {CHAT}": (lambda d: d.api("DELETE", f"/api/chats/{d.chat}/"), None, ["chat_deleted"]),
    f"post {CHAT}/messages": (lambda d: d.person.say(d.chat, "More"), None, TURN),
    f"post {CHAT}/stop": (lambda d: d.api("POST", f"/api/chats/{d.chat}/stop/"), running, ["message"]),
    f"post {MESSAGE}/regenerate": (lambda d: d.api("POST", f"{d.message}/regenerate/", {}), None, TURN),
    f"post {MESSAGE}/continue": (lambda d: d.api("POST", f"{d.message}/continue/", {}), None, TURN),
    f"post {MESSAGE}/approvals": (
        lambda d: d.api("POST", f"{d.message}/approvals/", {"approvals": [{"call": d.call, "approved": True}]}),
        waits, TURN,
    ),
    f"post {PAGE}/decide": (
        lambda d: d.page("decide", id=d.reply, call=d.call, verdict="allow"), waits, TURN,
    ),
    f"post {MESSAGE}/edit": (
        lambda d: d.api("POST", f"/api/chats/{d.chat}/messages/{d.question}/edit/", {"content": "Else"}), None, TURN,
    ),
    f"put {MESSAGE}/feedback": (lambda d: d.api("PUT", f"{d.message}/feedback/", {"value": 1}), None, ["feedback"]),
    f"delete {MESSAGE}/feedback": (lambda d: d.api("DELETE", f"{d.message}/feedback/"), thumbed, ["feedback"]),
    f"post {MESSAGE}/save": (lambda d: d.api("POST", f"{d.message}/save/"), None, []),  # a note is none of it
    "post /prompt_gpt": (
        lambda d: d.api("POST", "/prompt_gpt/", {"chat_id": str(uuid.uuid4()), "content": "Hi"}), None, TURN,
    ),
    "post /prompt_gemini": (
        lambda d: d.api("POST", "/prompt_gemini/", {"chat_id": d.chat, "content": "Hi"}), None, TURN,
    ),
    "post /api/chat": (lambda d: d.ask_ui("a-chat-of-the-client"), None, TURN),
    "post /api/chat/<path:chat>/stop": (lambda d: d.api("POST", f"/api/chat/{d.chat}/stop"), running, ["message"]),
    "post /v1/chat/completions": (lambda d: d.ask_v1(store=True), None, TURN),
    "post /api/assistants": (lambda d: d.api("POST", "/api/assistants/", {"name": "A"}), None, []),
    f"patch {ASSISTANT}": (lambda d: d.on_assistant("PATCH", {"settings": {"system": "B"}}), None, []),
    f"delete {ASSISTANT}": (lambda d: d.on_assistant("DELETE"), None, []),
    f"post {PAGE}/settings": (lambda d: d.page("settings", system="Be brief."), None, ["chat"]),
    f"post {PAGE_MESSAGE}/feedback": (
        lambda d: d.page(f"messages/{d.reply}/feedback", value=-1, reasons=["style"], comment="x"), None, ["feedback"],
    ),
    f"post {PAGE}/rename": (lambda d: d.page("rename", title="Other"), None, ["chat"]),
    f"post {PAGE}/pin": (lambda d: d.page("pin"), None, ["chat"]),
    f"post {PAGE}/unpin": (lambda d: d.page("unpin"), pinned, ["chat"]),
    f"post {PAGE}/archive": (lambda d: d.page("archive"), None, ["chat"]),
    f"post {PAGE}/unarchive": (lambda d: d.page("unarchive"), pinned, ["chat"]),
    f"post {PAGE}/delete": (lambda d: d.page("delete"), None, ["chat_deleted"]),
    f"post {PAGE}/send": (lambda d: d.page("send", message="More"), None, TURN),
    f"post {PAGE}/edit": (lambda d: d.page("edit", id=d.question, message="Else"), None, TURN),
    f"post {PAGE}/regenerate": (lambda d: d.page("regenerate", id=d.reply), None, TURN),
    f"post {PAGE}/continue": (lambda d: d.page("continue", id=d.reply), None, TURN),
    f"post {PAGE}/stop": (lambda d: d.page("stop"), running, ["message"]),
    f"post {PAGE}/show": (lambda d: d.page("show", id=d.reply, step=-1), asked_again, ["chat"]),
    f"post {PAGE_MESSAGE}/thumb": (lambda d: d.page(f"messages/{d.reply}/thumb", value=1), None, ["feedback"]),
}  # fmt: skip
APPS = (
    "chats.api.",
    "chats.pages.actions",
    "chats.pages.chat_settings",
    "chats.pages.feedback",
    "compat.",
    "notes.api.saving",
)


def test_every_door_that_may_change_something_is_walked() -> None:
    doors = {
        f"{method} {route.path.rstrip('/')}"
        for route in routes()
        if route.view.__module__.startswith(APPS)
        for method in route.methods or ("post",)
        if method != METHODS[0]
    }

    assert doors == WALK.keys()


@pytest.mark.parametrize("door", WALK)
def test_a_door_logs_what_it_changes_once(door: str, doors: Doors, bob: Person) -> None:
    act, before, expected = WALK[door]
    if before:
        before(doors)
        doors.told()
    elsewhere = Change.objects.filter(user_id=bob.id).count()

    act(doors)

    told: list[str] = []
    eventually(lambda: len(told.extend(doors.kinds()) or told) >= len(expected))  # type: ignore[func-returns-value]
    eventually(lambda: not Turn.objects.filter(user_id=doors.person.id, state="streaming").exists())
    assert told + doors.kinds() == expected
    assert Change.objects.filter(user_id=bob.id).count() == elsewhere


SAME: dict[str, tuple[Act, Act | None]] = {
    "a chat that is there": (lambda d: d.api("POST", "/api/chats/", {"id": d.chat}), None),
    "the values that it has": (lambda d: d.api("PATCH", f"/api/chats/{d.chat}/", {"title": "First"}), None),
    "nothing at all": (lambda d: d.api("PATCH", f"/api/chats/{d.chat}/", {}), None),
    "the branch that is shown": (lambda d: d.api("PATCH", f"/api/chats/{d.chat}/", {"head": d.question}), None),
    "the same feedback": (thumbed, thumbed),
    "no feedback to take back": (lambda d: d.api("DELETE", f"{d.message}/feedback/"), None),
    "nothing to stop": (lambda d: d.api("POST", f"/api/chats/{d.chat}/stop/"), None),
    "a pin that is there": (lambda d: d.page("pin"), pinned),
    "no further sibling": (lambda d: d.page("show", id=d.reply, step=1), None),
    "a stateless completion": (lambda d: d.ask_v1(), None),
    "a key once more": (lambda d: keyed(d), lambda d: keyed(d)),
    "a sweep": (lambda d: call_command("recover_turns"), None),
}


def keyed(doors: Doors) -> None:
    path, headers = f"/api/chats/{doors.chat}/messages/", {"Idempotency-Key": f"once-{doors.person.id}"}
    assert doors.person.post(path, {"content": "Once"}, headers=headers).status_code == 201


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_is_not_told(name: str, doors: Doors) -> None:
    act, before = SAME[name]
    if before:
        before(doors)
        assert doors.told()

    act(doors)

    assert doors.told() == []


REFUSED: dict[str, Act] = {
    "a foreign chat": lambda d: d.api("PATCH", f"/api/chats/{uuid.uuid4()}/", {"title": "x"}),
    "a branch of another chat": lambda d: d.api("PATCH", f"/api/chats/{d.chat}/", {"title": "x", "head": d.chat}),
    "a deleted chat": lambda d: d.api("DELETE", f"/api/chats/{uuid.uuid4()}/"),
    "feedback on a question": lambda d: d.api(
        "PUT", f"/api/chats/{d.chat}/messages/{d.question}/feedback/", {"value": 1}
    ),
    "an unknown model": lambda d: d.api("POST", f"/api/chats/{d.chat}/messages/", {"content": "x", "model": "nobody"}),
    "nothing to save": lambda d: d.api("POST", "/prompt_gpt/", {"chat_id": str(uuid.uuid4()), "content": "/save"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_not_told(name: str, doors: Doors) -> None:
    assert 400 <= REFUSED[name](doors) < 500

    assert doors.told() == []


def test_the_quota_and_a_running_turn_refuse_without_a_word(doors: Doors, settings: Any) -> None:
    settings.DAILY_MESSAGES = 1
    assert doors.person.say(doors.chat, "x").status_code == 429
    settings.DAILY_MESSAGES = 0
    running(doors)
    assert doors.kinds() == ["message"]

    assert doors.person.say(doors.chat, "x").status_code == 409

    doors.api("POST", f"/api/chats/{doors.chat}/stop/")
    assert doors.kinds() == ["message"]


def test_what_is_rolled_back_is_not_told(doors: Doors) -> None:
    with transaction.atomic():
        change_chat(doors.person.id, uuid.UUID(doors.chat), {"title": "x"})
        create_chat(doors.person.id, None, "y", "", {})
        transaction.set_rollback(True)

    assert doors.told() == []


@pytest.mark.parametrize(("text", "kinds"), [("/save", ["message"]), ("Hi", TURN)])
def test_a_turn_without_a_model_has_no_end_to_tell(text: str, kinds: list[str], doors: Doors) -> None:
    doors.person.say(doors.chat, text)

    assert doors.kinds() == kinds


def test_a_title_by_a_model_is_told(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.TITLE_MODEL, settings.PROVIDER_RETRIES = "openai", 0
    fake.script(text="Because of the moon.")
    fake.script(text="Tides")
    chat = alice.chat()
    alice.say(chat, "How do the tides come about?")

    eventually(lambda: Chat.objects.filter(pk=chat, title="Tides").exists())

    kinds = Change.objects.filter(user_id=alice.id).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["chat", *TURN, "chat"]


def test_parallel_repeats_of_one_key_are_told_once(doors: Doors) -> None:
    at_once([lambda: keyed(doors)] * 5)

    ended(doors.person, doors.chat)
    assert doors.kinds() == TURN


def test_the_log_goes_with_the_account_alone(doors: Doors, bob: Person) -> None:
    bob.chat()
    doors.api("DELETE", f"/api/chats/{doors.chat}/")
    assert doors.told() == [("chat_deleted", doors.chat, None)]

    delete_account(doors.person.id)

    assert not Change.objects.filter(user_id=doors.person.id).exists()
    assert Change.objects.filter(user_id=bob.id).count() == 1
