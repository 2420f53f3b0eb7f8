"""What is for a group, or switched off, is nothing to anybody else: on every door that shows, takes or keeps a name."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group
from django.db.backends.utils import CursorWrapper
from django.test import Client as Browser

from accounts.models import User
from chats.tests.helpers import eventually
from chats.tests.helpers import fake as scripted
from chats.tests.test_sockets import Open, open_socket
from chats.tests.test_tools import look
from chats.tests.tools import own_tools
from conftest import Person
from llm.models import Model, Provider
from llm.snapshot import refresh_rows
from llm.testing import FakeProvider
from llm.tests.rows import live_rows, provider

__all__ = ["live_rows", "open_socket"]
pytestmark = pytest.mark.usefixtures("live_rows")
NAME = "house/big"
NAMES = (NAME, "big", "house", "whale")


@pytest.fixture
def few(live: str, fake: FakeProvider) -> Group:
    """A group that alone may use a model."""
    group = Group.objects.create(name=f"few {uuid.uuid4()}")
    provider("house", ("big",), base_url=fake.openai_base_url)
    Model.objects.filter(model_id="big").update(aliases=["whale"])
    Model.objects.get(model_id="big").groups.add(group)
    refresh_rows()
    return group


@pytest.fixture
def member(few: Group, person: Callable[[], Person]) -> Person:
    one = person()
    User.objects.get(pk=one.id).groups.add(few)
    return one


Door = Callable[[Person, str, str, Any], bool]


def key_of(one: Person) -> dict[str, str]:
    if not hasattr(one, "key"):
        one.key = one.post("/api/keys/", {"name": "k"}).json()["key"]  # type: ignore[attr-defined]
    return {"Authorization": f"Bearer {one.key}"}  # type: ignore[attr-defined]


def taken(answer: httpx.Response, code: str = "unknown_model", status: int = 400) -> bool:
    """Tell whether a name was taken; whoever may not use it is told what everybody is told of a name that is none."""
    if answer.status_code < 300:
        return True
    said = answer.json()
    assert answer.status_code == status, answer.text
    assert (said.get("code") or said["error"]["code"]) == code, answer.text
    assert "group" not in answer.text
    return False


def sending(one: Person, live: str, name: str, _: Any) -> bool:
    return taken(one.say(one.chat(), "hello", model=name))


def streaming(one: Person, live: str, name: str, _: Any) -> bool:
    body = {"content": "hello", "model": name}
    answer = one.post(f"/api/chats/{one.chat()}/messages/", body, headers={"Accept": "text/event-stream"})
    return taken(answer)


def regenerating(one: Person, live: str, name: str, _: Any) -> bool:
    chat = one.chat()
    reply = one.say(chat, "hello", model="openai").json()["reply"]["id"]
    return taken(one.post(f"/api/chats/{chat}/messages/{reply}/regenerate/", {"model": name}))


def editing(one: Person, live: str, name: str, _: Any) -> bool:
    chat = one.chat()
    question = one.say(chat, "hello", model="openai").json()["question"]["id"]
    return taken(one.post(f"/api/chats/{chat}/messages/{question}/edit/", {"content": "other", "model": name}))


def making_a_chat(one: Person, live: str, name: str, _: Any) -> bool:
    return taken(one.post("/api/chats/", {"model": name}), "invalid")


def choosing_for_a_chat(one: Person, live: str, name: str, _: Any) -> bool:
    return taken(one.http.patch(f"/api/chats/{one.chat()}/", json={"model": name}), "invalid")


def preferring(one: Person, live: str, name: str, _: Any) -> bool:
    return taken(one.http.patch("/api/profile/", json={"preferred_model": name}), "invalid")


def preferring_on_the_page(one: Person, live: str, name: str, _: Any) -> bool:
    browser = Browser()
    browser.force_login(User.objects.get(pk=one.id), "accounts.backends.EmailBackend")
    form = {"first_name": "", "last_name": "", "timezone": "UTC", "preferred_model": name}
    return browser.post("/accounts/profile/", form).status_code == 302


def completing(one: Person, live: str, name: str, _: Any) -> bool:
    body = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
    return taken(httpx.post(f"{live}/v1/chat/completions", json=body, headers=key_of(one)), "model_not_found", 404)


def completing_and_storing(one: Person, live: str, name: str, _: Any) -> bool:
    body = {"model": name, "messages": [{"role": "user", "content": "hello"}], "store": True}
    return taken(httpx.post(f"{live}/v1/chat/completions", json=body, headers=key_of(one)), "model_not_found", 404)


def reading_a_model(one: Person, live: str, name: str, _: Any) -> bool:
    return taken(httpx.get(f"{live}/v1/models/{name}", headers=key_of(one)), "model_not_found", 404)


def chatting_with_the_ai_sdk(one: Person, live: str, name: str, _: Any) -> bool:
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hello"}]}
    return taken(one.post("/api/chat", {"id": f"c-{uuid.uuid4()}", "messages": [message], "model": name}))


def speaking_on_a_socket(one: Person, live: str, name: str, sockets: Open) -> bool:
    socket = sockets(one)
    socket.tell("send", chat=one.chat(), content="hello", key=str(uuid.uuid4()), model=name)
    frame = socket.next()
    assert frame["type"] in ("accepted", "error")
    if frame["type"] == "error":
        assert frame["code"] == "unknown_model"
    return bool(frame["type"] == "accepted")


def listed(one: Person, live: str, name: str, _: Any) -> bool:
    """Only whole names are listed."""
    return NAME in [each["name"] for each in one.get("/api/models/").json()]


def listed_for_openai(one: Person, live: str, name: str, _: Any) -> bool:
    return NAME in [each["id"] for each in httpx.get(f"{live}/v1/models", headers=key_of(one)).json()["data"]]


def shown_on_the_page(one: Person, live: str, name: str, _: Any) -> bool:
    browser = Browser()
    browser.force_login(User.objects.get(pk=one.id), "accounts.backends.EmailBackend")
    return NAME in browser.get("/").content.decode()


DOORS: list[Door] = [
    sending, streaming, regenerating, editing, making_a_chat, choosing_for_a_chat, preferring, preferring_on_the_page,
    completing, completing_and_storing, reading_a_model, chatting_with_the_ai_sdk, speaking_on_a_socket, listed,
    listed_for_openai, shown_on_the_page,
]  # fmt: skip
EVERY_DOOR = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


@EVERY_DOOR
def test_members_alone_may_use_it(door: Door, live: str, member: Person, bob: Person, open_socket: Open) -> None:
    for name in NAMES:
        assert door(member, live, name, open_socket), name
        assert not door(bob, live, name, open_socket), name


@EVERY_DOOR
def test_a_superuser_may(door: Door, live: str, few: Group, bob: Person, open_socket: Open) -> None:
    User.objects.filter(pk=bob.id).update(is_superuser=True)

    assert door(bob, live, NAME, open_socket)


@EVERY_DOOR
@pytest.mark.parametrize("what", [Model, Provider])
def test_what_is_switched_off_is_nothing_to_anybody(
    door: Door, what: Any, live: str, member: Person, open_socket: Open
) -> None:
    row = what.objects.get(**({"model_id": "big"} if what is Model else {"name": "house"}))
    row.enabled = False
    row.save()

    for name in NAMES:
        assert not door(member, live, name, open_socket), name


def test_a_remembered_model_that_is_lost_gives_way_and_the_reply_says_so(live: str, few: Group, member: Person) -> None:
    chat = member.chat(model=NAME)
    member.http.patch("/api/profile/", json={"preferred_model": NAME})
    assert member.say(chat, "hello").json()["reply"]["provider"] == "house"
    assert member.say(member.chat(), "hello").json()["reply"]["provider"] == "house"

    User.objects.get(pk=member.id).groups.remove(few)

    for again in (chat, member.chat()):
        reply = member.say(again, "hello").json()["reply"]
        assert (reply["state"], reply["provider"], reply["model"]) == ("complete", "openai", "gpt-6-luna")


def test_a_slash_command_means_what_its_user_may_have(live: str, few: Group, member: Person, bob: Person) -> None:
    made = provider("openai", ("gpt-6-luna",), adapter="", base_url="", from_environment=True)
    made.models.get().groups.add(few)

    models = [one.say(one.chat(), "/gpt hello").json()["reply"]["model"] for one in (member, bob)]

    assert models == ["gpt-6-luna", "gpt-5.6-terra"]


def test_an_end_of_membership_ends_a_turn_at_its_next_step(
    live: str, few: Group, member: Person, settings: Any, fake: FakeProvider
) -> None:
    settings.DEFAULT_TOOLS = ("all",)
    user = User.objects.get(pk=member.id)
    prompt = scripted(steps=[{"text": "Let me see.", "calls": [look("tide")]}, {"text": "It means tide."}])
    with own_tools() as called:
        whole = member.say(member.chat(), prompt, model=NAME).json()["reply"]
        assert (whole["state"], len(called)) == ("complete", 1)

        asked = len(fake.requests())
        prompt = scripted(steps=[{"calls": [{"name": "sleep_long", "arguments": {"seconds": 1.5}}]}, {"text": "Good."}])
        with ThreadPoolExecutor() as pool:
            coming = pool.submit(member.say, member.chat(), prompt, model=NAME)
            eventually(lambda: len(called) == 2)
            user.groups.remove(few)
            cut = coming.result().json()["reply"]

    assert (cut["state"], cut["reason"]) == ("interrupted", "provider_refused")
    assert len(fake.requests()) == asked + 1


# --- What it costs ---
@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that any thread of this process sends."""
    sent, execute = list[str](), CursorWrapper.execute

    def noted(self: Any, sql: Any, params: Any = None) -> Any:
        sent.append(str(sql))
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", noted)
    return sent


def told(statements: list[str], table: str) -> int:
    return sum(table in each for each in statements)


def test_a_turn_reads_no_row_of_models(live: str, alice: Person, fake: FakeProvider, statements: list[str]) -> None:
    provider("house", ("big",), base_url=fake.openai_base_url)
    refresh_rows()
    chat, key = alice.chat(), key_of(alice)
    statements.clear()

    assert alice.say(chat, "hello", model="whatever").status_code == 400
    assert alice.say(chat, "hello", model="house/big").json()["reply"]["state"] == "complete"
    body = {"model": "house/big", "messages": [{"role": "user", "content": "hello"}]}
    assert httpx.post(f"{live}/v1/chat/completions", json=body, headers=key).status_code == 200

    assert told(statements, "chats_message")
    assert not any(told(statements, table) for table in ("llm_provider", "llm_model", "accounts_user_groups"))


def test_groups_are_read_once_where_a_model_is_for_few(
    live: str, few: Group, alice: Person, statements: list[str]
) -> None:
    chat = alice.chat()
    statements.clear()

    assert alice.say(chat, "hello").json()["reply"]["state"] == "complete"

    assert told(statements, "accounts_user_groups") == 1
    assert not any(told(statements, table) for table in ("llm_provider", "llm_model"))
