"""What a model cannot do is refused by its name at every door, before anything is stored."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chats.models import Chat, Message
from chats.tests.helpers import SSE, is_refusal
from chats.tests.test_page_socket import open_page, sign_in
from chats.tests.test_sockets import open_socket
from conftest import Person
from llm.abilities import SAYABLE, Abilities, unsupported
from llm.client.types import File
from llm.testing import FakeProvider
from usage.models import Counter

__all__ = ["open_page", "open_socket", "sign_in"]
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
CANNOT: dict[str, Any] = {"effort": "low", "response_format": FORM}  # which the demo, all that answers here, cannot do


@pytest.fixture(autouse=True)
def only_the_demo(live: str, settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = settings.GEMINI_API_KEY = settings.GEMINI_BASE_URL = ""


@pytest.fixture
def chat(alice: Person) -> str:
    made = alice.chat()
    assert alice.say(made, "Before").status_code == 201
    return made


def stored(person: Person) -> tuple[Any, ...]:
    """Return all that a turn would change."""
    chats = list(
        Chat.objects.filter(owner=person.id).values("id", "title", "head", "model", "updated_at").order_by("id")
    )
    used = list(Counter.objects.filter(subject=f"user:{person.id}").values_list("messages", "tokens"))
    return chats, Message.objects.filter(chat__owner=person.id).count(), used


def set_chat(person: Person, chat: str, settings: Any) -> None:
    assert person.http.patch(f"/api/chats/{chat}/", json={"settings": settings}).status_code == 200


@pytest.mark.parametrize("name", CANNOT)
@pytest.mark.parametrize("of_chat", [False, True], ids=["the request", "the chat"])
@pytest.mark.parametrize("accept", [None, SSE])
def test_every_address_that_starts_a_turn(
    alice: Person, chat: str, name: str, of_chat: bool, accept: dict[str, str] | None
) -> None:
    question, reply = (row["id"] for row in alice.messages(chat))
    said = {name: CANNOT[name]}
    if of_chat:
        set_chat(alice, chat, said)
    before, path = stored(alice), f"/api/chats/{chat}/messages/"
    bodies = [
        (path, {"content": "x"}),
        (f"{path}?wait=false", {"content": "x"}),
        (f"{path}{question}/edit/", {"content": "x"}),
        (f"{path}{reply}/regenerate/", {}),
        (f"{path}{reply}/continue/", {}),
    ]

    for address, body in bodies:
        answer = alice.post(address, body if of_chat else {**body, "settings": said}, headers=accept)
        assert is_refusal(answer, 400), address
        assert (answer.json()["code"], list(answer.json()["errors"])) == ("unsupported", [name])
        assert name in answer.json()["detail"]
        assert "demo/demo" in answer.json()["detail"]
    assert stored(alice) == before


@pytest.mark.parametrize("name", CANNOT)
def test_the_socket(alice: Person, chat: str, name: str, open_socket: Callable[..., Any]) -> None:
    socket, before = open_socket(alice), stored(alice)
    reply = alice.messages(chat)[1]["id"]

    for kind, values in (("send", {"content": "x"}), ("regenerate", {"message": reply})):
        socket.tell(kind, chat=chat, settings={name: CANNOT[name]}, **values)
        frame = socket.next()
        assert (frame["type"], frame["code"]) == ("error", "unsupported")
        assert name in frame["detail"]
    assert stored(alice) == before


@pytest.mark.parametrize("name", CANNOT)
def test_the_ai_sdks_address(alice: Person, chat: str, name: str) -> None:
    before = stored(alice)
    body = {"messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "x"}]}]}

    for id_ in (chat, "made-by-the-client"):
        answer = alice.post("/api/chat", {**body, "id": id_, "settings": {name: CANNOT[name]}})
        assert (answer.status_code, answer.json()["code"]) == (400, "unsupported")
        assert name in answer.json()["detail"]
    assert stored(alice) == before  # no chat is left behind, either


@pytest.mark.parametrize("path", ["/prompt_gpt/", "/prompt_gemini/"])
def test_the_seeds_addresses_by_what_their_chat_says(alice: Person, chat: str, path: str) -> None:
    set_chat(alice, chat, CANNOT)
    before = stored(alice)

    answer = alice.post(path, {"chat_id": chat, "content": "x"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported")
    assert list(answer.json()["errors"]) == ["effort", "response_format"]
    assert stored(alice) == before


def test_the_page_says_it_by_what_its_chat_says(alice: Person, chat: str, open_page: Callable[..., Any]) -> None:
    set_chat(alice, chat, {"effort": "high"})
    before, page = stored(alice), open_page(alice, chat)

    page.send(do="send", message="Hello", content="Hello")

    assert "does not support effort" in "".join(page.until("does not support"))
    assert stored(alice) == before


def test_what_is_asked_for_is_looked_at_before_the_moderator_is_believed(alice: Person, chat: str) -> None:
    """A command asks no model, and so there is nothing that it cannot do."""
    answer = alice.say(chat, "/save", settings={"effort": "low"})

    assert answer.status_code == 201, answer.text


def test_the_demo_takes_what_would_only_vary_its_words(alice: Person, chat: str) -> None:
    said = {"temperature": 1.5, "top_p": 0.1, "max_output": 3, "system": "Be brief.", "tools": []}

    assert alice.say(chat, "Hello", settings=said).status_code == 201


def test_a_repeated_key_is_answered_as_before(alice: Person, chat: str) -> None:
    def once() -> httpx.Response:
        return alice.post(f"/api/chats/{chat}/messages/", {"content": "x"}, headers={"Idempotency-Key": "k"})

    first = once()
    set_chat(alice, chat, CANNOT)

    assert once().json() == first.json()


def test_another_model_may_be_able_to(alice: Person, chat: str, settings: Any, fake: FakeProvider) -> None:
    set_chat(alice, chat, CANNOT)
    settings.OPENAI_BASE_URL = fake.openai_base_url

    assert alice.say(chat, "Hello", model="openai").status_code == 201
    assert fake.requests("openai")[-1]["body"]["reasoning_effort"] == "low"
    assert alice.say(chat, "Hello", model="demo").json()["code"] == "unsupported"


IMAGE, PAPER = File("image/png", "aGk="), File("application/pdf", "aGk=")
KNOWN: list[tuple[Abilities, dict[str, Any], list[str]]] = [
    (Abilities(), {"params": dict.fromkeys(SAYABLE["openai_chat"], 1), "tools": True, "files": [IMAGE, PAPER]}, []),
    (Abilities(sampling=False), {"params": {"temperature": 1, "top_p": 1, "seed": 1}}, ["temperature", "top_p"]),
    (Abilities(sampling=True), {"params": {"temperature": 1}}, []),
    (Abilities(efforts=("low", "high")), {"params": {"effort": "high"}}, []),
    (Abilities(efforts=("low", "high")), {"params": {"effort": "max"}}, ["effort"]),
    (Abilities(efforts=()), {"params": {"effort": "none"}}, ["effort"]),
    (Abilities(max_output_tokens=10), {"params": {"max_tokens": 10}}, []),
    (Abilities(max_output_tokens=10), {"params": {"max_tokens": 11}}, ["max_tokens"]),
    (Abilities(structured_output=False), {"params": {"response_format": FORM}}, ["response_format"]),
    (Abilities(tools=False), {"params": {}, "tools": True}, ["tools"]),
    (Abilities(tools=False), {"params": {}}, []),
    (Abilities(images=False), {"params": {}, "files": [IMAGE, PAPER, IMAGE]}, ["images"]),
    (Abilities(files=False), {"params": {}, "files": [IMAGE, PAPER]}, ["files"]),
]


@pytest.mark.parametrize(("abilities", "asked", "names"), KNOWN)
def test_what_is_known_of_a_model_decides(abilities: Abilities, asked: dict[str, Any], names: list[str]) -> None:
    assert unsupported("openai_chat", abilities, **asked) == names


def test_no_dialect_is_asked_for_what_it_has_no_word_for() -> None:
    everything = dict.fromkeys(SAYABLE["openai_chat"], 1)

    for dialect, sayable in SAYABLE.items():
        assert set(unsupported(dialect, Abilities(), everything)) == everything.keys() - sayable
