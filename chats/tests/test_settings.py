"""What a turn goes by: its request over its chat over the server's defaults, as the provider gets it."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from chats.models import Chat
from chats.tests.helpers import SSE, asked, is_refusal, sent
from chats.turns import SendRequest
from chats.turns.settings import TurnSettings, settings_of
from conftest import Person
from llm.testing import FakeProvider

CHAT = {"system": "Be a pirate.", "temperature": 0.7, "top_p": 0.25, "max_output": 500}
TURN = {"system": "Be a poet.", "temperature": 1.5, "max_output": 60}
Door = Callable[[Person, str, dict[str, Any]], Any]


def received(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a recorded request of either vendor says of the settings, in our names."""
    body, system = request["body"], asked(request)[0]
    if request["vendor"] == "gemini":
        given = body.get("generationConfig", {})
        names = {"temperature": "temperature", "topP": "top_p", "maxOutputTokens": "max_output"}
    else:
        given = body
        names = {"temperature": "temperature", "top_p": "top_p", "max_completion_tokens": "max_output"}
    return {"system": system} | {ours: given[theirs] for theirs, ours in names.items() if theirs in given}


def send(person: Person, chat: str, body: dict[str, Any]) -> httpx.Response:
    return person.say(chat, "Hello", **body)


def stream(person: Person, chat: str, body: dict[str, Any]) -> None:
    assert sent(person, chat, "Hello", **body)[-1].name == "end"


def at_once(person: Person, chat: str, body: dict[str, Any]) -> httpx.Response:
    answer = person.post(f"/api/chats/{chat}/messages/?wait=false", {"content": "Hello", **body})
    person.http.get(f"/api/chats/{chat}/stream/", headers=SSE)  # to its end
    return answer


def on_message(verb: str, at: int) -> Door:
    def ask(person: Person, chat: str, body: dict[str, Any]) -> httpx.Response:
        message = person.messages(chat)[at]["id"]
        content = {"content": "Other"} if verb == "edit" else {}
        return person.post(f"/api/chats/{chat}/messages/{message}/{verb}/", {**content, **body})

    return ask


DOORS: dict[str, Door] = {
    "send": send, "stream": stream, "at once": at_once, "edit": on_message("edit", 0),
    "regenerate": on_message("regenerate", -1), "continue": on_message("continue", -1),
}  # fmt: skip


@pytest.fixture
def chat(alice: Person, fake: FakeProvider) -> str:
    """Return a chat with one turn, which has not been asked about."""
    made = alice.chat()
    alice.say(made, "Before")
    fake.clear()
    return made


def change(person: Person, chat: str, **values: Any) -> httpx.Response:
    return person.http.patch(f"/api/chats/{chat}/", json=values)


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_a_request_is_over_its_chat_and_that_over_the_defaults(
    alice: Person, fake: FakeProvider, settings: Any, chat: str, door: Door, vendor: str
) -> None:
    door(alice, chat, {"model": vendor})
    change(alice, chat, settings=CHAT)
    door(alice, chat, {"model": vendor})
    door(alice, chat, {"model": vendor, "settings": TURN})
    door(alice, chat, {"model": vendor, "settings": dict.fromkeys(CHAT)})
    door(alice, chat, {"model": vendor})

    default = {"system": settings.SYSTEM_PROMPT}
    assert [request["vendor"] for request in fake.requests()] == [vendor] * 5
    assert list(map(received, fake.requests())) == [default, CHAT, CHAT | TURN, default, CHAT]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "pattern": "\\\\u0000"}}, "required": ["a"]}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_effort_and_form_are_settings_too(alice: Person, fake: FakeProvider, chat: str, door: Door) -> None:
    door(alice, chat, {"model": "openai"})
    change(alice, chat, settings={"effort": "low", "response_format": {"type": "json_object"}})
    door(alice, chat, {"model": "openai"})
    door(alice, chat, {"model": "openai", "settings": {"effort": "high", "response_format": FORM}})
    door(alice, chat, {"model": "openai", "settings": {"effort": None, "response_format": None}})

    told = [
        [request["body"].get(name) for name in ("reasoning_effort", "response_format")] for request in fake.requests()
    ]
    assert told == [[None, None], ["low", {"type": "json_object"}], ["high", FORM], [None, None]]


def test_effort_and_form_reach_gemini_in_its_words(alice: Person, fake: FakeProvider, chat: str) -> None:
    alice.say(chat, "Hello", model="gemini", settings={"effort": "low", "response_format": FORM})

    config = fake.requests()[-1]["body"]["generationConfig"]
    assert config["thinkingConfig"]["thinkingLevel"] == "LOW"
    assert config["responseJsonSchema"] == SCHEMA


def test_a_form_is_kept_as_it_was_set(alice: Person, chat: str) -> None:
    change(alice, chat, settings={"response_format": FORM})
    assert alice.get(f"/api/chats/{chat}/").json()["settings"] == {"response_format": FORM}

    change(alice, chat, settings={"response_format": {"type": "text"}})
    assert alice.get(f"/api/chats/{chat}/").json()["settings"] == {}


def test_an_empty_system_text_is_none(alice: Person, fake: FakeProvider, chat: str) -> None:
    for vendor in ("openai", "gemini"):
        alice.say(chat, "Hello", model=vendor, settings={"system": ""})
        assert received(fake.requests()[-1]) == {"system": ""}
        assert "system" not in str(fake.requests()[-1]["body"])


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_the_context_has_as_many_turns_as_are_asked_for(
    alice: Person, fake: FakeProvider, settings: Any, vendor: str
) -> None:
    settings.CONTEXT_TURNS = 2
    chat = alice.chat(settings={"context_turns": 4}, model=vendor)
    for number in range(6):
        alice.say(chat, str(number))

    for said, turns in [({}, 4), ({"context_turns": 1}, 1), ({"context_turns": 0}, 0), ({"context_turns": None}, 2)]:
        stored = [row["content"] for row in alice.messages(chat)]
        alice.say(chat, "now", settings=said)
        texts = [text for _, text in asked(fake.requests()[-1])[1]]
        assert texts == [*stored[len(stored) - 2 * turns :], "now"]


def test_a_chat_is_made_with_settings(alice: Person, fake: FakeProvider) -> None:
    whole = CHAT | {"context_turns": 3, "tools": ["save_note", "b"]}
    made = alice.post("/api/chats/", {"settings": whole | {"top_p": None}}).json()

    del whole["top_p"]
    assert made["settings"] == whole
    assert alice.get(f"/api/chats/{made['id']}/").json()["settings"] == whole
    assert alice.get("/api/chats/").json()["results"][0]["settings"] == whole
    assert alice.get("/api/chats/history/").json()["today"][0]["settings"] == whole
    assert alice.post("/api/chats/", {"id": made["id"], "settings": {}}).json()["settings"] == whole


def test_members_are_changed_one_by_one_and_taken_back(alice: Person) -> None:
    chat = alice.chat()
    steps: list[tuple[Any, Any]] = [
        ({}, {}),
        ({"system": "A", "temperature": 0}, {"system": "A", "temperature": 0}),
        ({"tools": []}, {"system": "A", "temperature": 0, "tools": []}),
        ({"system": "", "temperature": None}, {"system": "", "tools": []}),
        ({"top_p": None}, {"system": "", "tools": []}),
        (None, {}),
        (None, {}),
    ]

    for said, expected in steps:
        answer = change(alice, chat, settings=said)
        assert (answer.status_code, answer.json()["settings"]) == (200, expected)
        assert alice.get(f"/api/chats/{chat}/").json()["settings"] == expected
    assert change(alice, chat, pinned=True).json()["settings"] == {}


def test_what_one_turn_asks_for_changes_nothing_in_its_chat(alice: Person, chat: str) -> None:
    change(alice, chat, settings=CHAT)

    for door in DOORS.values():
        door(alice, chat, {"settings": TURN})

    assert alice.get(f"/api/chats/{chat}/").json()["settings"] == CHAT


def test_every_other_door_goes_by_the_chats_settings(alice: Person, fake: FakeProvider, chat: str) -> None:
    change(alice, chat, settings=CHAT)
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}

    alice.post("/prompt_gpt/", {"chat_id": chat, "content": "Hello"})
    body = {"id": chat, "messages": [message], "trigger": "submit-message"}
    alice.post("/api/chat", body)
    alice.post("/api/chat", body | {"messages": [message | {"id": "m2"}], "settings": TURN})

    assert list(map(received, fake.requests())) == [CHAT, CHAT, CHAT | TURN]


def test_text_is_sent_exactly_as_it_was_set(alice: Person, fake: FakeProvider, chat: str) -> None:
    text = "  \t\x01 \u202e🦊 %s {0} '; DROP TABLE chats_chat; --\r\n" + "é" * 32_000

    assert change(alice, chat, settings={"system": text}).json()["settings"] == {"system": text}
    alice.say(chat, "Hello")

    assert received(fake.requests()[-1])["system"] == text


BAD: dict[str, list[Any]] = {
    "system": [1, True, [], {}, "NUL \0", "lone \ud800", "\udfff", "x" * 32_769],
    "context_turns": [-1, 51, 1.0, 1.5, True, "5", [], {}, 10**18, 10**40, -(10**40)],
    "temperature": [-0.1, 2.1, "1", True, [], {}, 10**40, 1e300],
    "top_p": [-0.1, 1.1, "1", False, [], {}, 2**64],
    "max_output": [0, -1, 1.5, 1e3, "100", True, [], {}, 10**7 + 1, 2**63, 10**40],
    "effort": ["huge", "", "Low", 1, True, [], {}, ["low"]],
    "response_format": ["json", 1, True, [], {}, {"type": "xml"}, {"type": "json_schema"}, {"type": "json_schema",
                        "json_schema": {"name": "a b", "schema": {}}}, {"type": "json_object", "schema": {}},
                        *({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
                          for schema in (None, 5, "x", [], {"NUL \0": 1}, {"a": ["\ud800"]}, {"a": "x" * 70_000}))],
    "tools": ["all", 1, True, {}, {"a": "b"}, [1], [None], [""], [["a"]], ["a", "NUL \0"], ["\ud800"], ["x" * 65],
              ["x"] * 101, [{}] * 10_000],
    "settings": [1, True, "x", [], [{}]],
}  # fmt: skip
UNKNOWN = ["model", "max_context", "System", "", " ", "x" * 500, "NUL \0", "\ud800", "__class__"]


def bodies(chat: str, message: dict[str, str], settings: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every call that takes settings."""
    path = f"/api/chats/{chat}/"
    return [
        ("POST", "/api/chats/", {"settings": settings}),
        ("PATCH", path, {"settings": settings}),
        ("POST", f"{path}messages/", {"content": "x", "settings": settings}),
        ("POST", f"{path}messages/{message['question']}/edit/", {"content": "x", "settings": settings}),
        ("POST", f"{path}messages/{message['reply']}/regenerate/", {"settings": settings}),
        ("POST", f"{path}messages/{message['reply']}/continue/", {"settings": settings}),
    ]


@pytest.fixture
def told(alice: Person, fake: FakeProvider, chat: str) -> Callable[[Any], list[dict[str, Any]]]:
    """Return what sends settings to every address and returns the errors of the answers, each a 400."""
    question, reply = (row["id"] for row in alice.messages(chat))

    def ask(settings: Any) -> list[dict[str, Any]]:
        answers = []
        for method, path, body in bodies(chat, {"question": question, "reply": reply}, settings):
            answer = alice.http.request(
                method, path, content=json.dumps(body), headers={"Content-Type": "application/json"}
            )
            assert is_refusal(answer, 400), (path, answer.text)
            answers.append(answer.json()["errors"])
        assert fake.requests() == []
        assert len(alice.messages(chat)) == 2
        assert Chat.objects.get(pk=chat).settings == {}
        return answers

    return ask


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_value_is_refused_by_name(told: Callable[[Any], list[dict[str, Any]]], name: str) -> None:
    for value in BAD[name]:
        for errors in told(value if name == "settings" else {"system": "x", name: value}):
            assert list(errors) == [name], value


def test_an_unknown_member_is_refused_by_name(told: Callable[[Any], list[dict[str, Any]]]) -> None:
    for name in UNKNOWN:
        shown = name[:100].replace("\ud800", "\0")
        for errors in told({name: None, "system": "x"}):
            assert list(errors) == [shown]


def test_a_hundred_thousand_unknown_members_are_refused_shortly(told: Callable[[Any], list[dict[str, Any]]]) -> None:
    for errors in told({f"m{number}": None for number in range(90_000)}):
        assert len(errors) == 20


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400, "01", "0x1", "+1"])
def test_what_is_no_number_of_json_is_refused(alice: Person, chat: str, number: str) -> None:
    for name in ("temperature", "top_p", "max_output", "context_turns"):
        body = f'{{"settings": {{"{name}": {number}}}}}'
        answer = alice.http.patch(f"/api/chats/{chat}/", content=body, headers={"Content-Type": "application/json"})
        assert is_refusal(answer, 400)
    assert alice.get(f"/api/chats/{chat}/").json()["settings"] == {}


@pytest.mark.parametrize("value", [0, 2, 1e-300, 0.1, 1.0, 5e-324, 0.30000000000000004])
def test_a_number_is_sent_as_it_was_set(alice: Person, fake: FakeProvider, chat: str, value: float) -> None:
    assert change(alice, chat, settings={"temperature": value}).json()["settings"] == {"temperature": value}

    alice.say(chat, "Hello")

    assert received(fake.requests()[-1])["temperature"] == value


def test_only_the_whole_of_a_chat_can_be_null(alice: Person, chat: str) -> None:
    answers = [alice.post("/api/chats/", {"settings": None}), alice.say(chat, "x", settings=None)]

    assert [list(answer.json()["errors"]) for answer in answers] == [["settings"], ["settings"]]


def test_somebody_elses_chat_is_not_there(alice: Person, bob: Person, fake: FakeProvider, chat: str) -> None:
    change(alice, chat, settings=CHAT)
    question, reply = (row["id"] for row in alice.messages(chat))

    for method, path, body in bodies(chat, {"question": question, "reply": reply}, TURN)[1:]:
        assert is_refusal(bob.http.request(method, path, json=body), 404)
    assert is_refusal(bob.post("/api/chats/", {"id": chat, "settings": TURN}), 404)
    assert is_refusal(bob.get(f"/api/chats/{chat}/"), 404)
    assert alice.get(f"/api/chats/{chat}/").json()["settings"] == CHAT
    assert fake.requests() == []


def test_the_same_key_with_other_settings_is_refused(alice: Person, fake: FakeProvider, chat: str) -> None:
    def once(**body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": "k"}
        return alice.post(f"/api/chats/{chat}/messages/", {"content": "x", **body}, headers=headers)

    first = once(settings={"top_p": 0.5, "system": "A"})

    assert once(settings={"system": "A", "top_p": 0.5}).json() == first.json()
    change(alice, chat, settings=CHAT)  # what the chat says by then is nothing that was asked
    assert once(settings={"system": "A", "top_p": 0.5}).json() == first.json()
    for other in ({}, {"system": "A"}, {"top_p": 0.5, "system": "B"}, {"top_p": 0.5, "system": "A", "tools": None}):
        assert is_refusal(once(settings=other), 422)
    assert is_refusal(once(), 422)
    assert len(fake.requests()) == 1


def test_no_settings_and_none_given_are_the_same_request(alice: Person, fake: FakeProvider, chat: str) -> None:
    answers = [
        alice.post(f"/api/chats/{chat}/messages/", {"content": "x", **body}, headers={"Idempotency-Key": "k"}).json()
        for body in ({}, {"settings": {}})
    ]

    assert answers[0] == answers[1]
    assert len(fake.requests()) == 1


def test_a_key_from_before_there_were_settings_keeps_its_fingerprint() -> None:
    chat = uuid.uuid4()
    asked = hashlib.sha256(orjson.dumps(["send", chat, "openai", "x", None])).hexdigest()

    def fingerprint(**settings: Any) -> str:
        return SendRequest(chat=chat, model="openai", content="x", key="k", settings=settings).fingerprint()

    assert fingerprint() == asked
    assert len({fingerprint(), fingerprint(system="A"), fingerprint(system=None), fingerprint(tools=[])}) == 4


def test_layers_become_what_a_turn_goes_by(settings: Any) -> None:
    settings.SYSTEM_PROMPT, settings.CONTEXT_TURNS = "Default.", 5

    assert settings_of({}, {}) == TurnSettings("Default.", 5, {}, None)
    assert settings_of({"tools": ["a", "b"]}) == TurnSettings("Default.", 5, {}, ("a", "b"))
    assert settings_of({"tools": ["a"]}, {"tools": []}).tools == ()
    assert settings_of({"tools": ["a"]}, {"tools": None}).tools is None
    assert settings_of({"system": "A", "max_output": 9}, {"context_turns": 0, "temperature": 0}) == TurnSettings(
        "A", 0, {"max_tokens": 9, "temperature": 0}, None
    )
