"""What the tools do, in both generations: the same notes as on every other door, within 100,000 characters."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from conftest import Person
from notes.tests.mcp_callers import BOTH, VERSIONS, Caller, granted

MOST = 100_000  # characters that a client can take
HARD = ["x", "\x01", '"\\', "🍲", "é\n", "\u2028x", "語"]
WORST_TAGS = ['"\\' * 19 + str(number) for number in range(20)]
UNPAIRED = b'"\\ud800"'


@pytest.fixture(params=VERSIONS)
def caller(request: pytest.FixtureRequest, alice: Person, callers: Callable[..., Caller]) -> Caller:
    return callers(granted(alice, *BOTH), request.param)


def size(answer: httpx.Response) -> int:
    """Return the length of an answer as JavaScript counts it."""
    return len(answer.text.encode("utf-16-le")) // 2


def keep(person: Person, content: str, **values: object) -> str:
    answer = person.post("/api/notes/", {"content": content, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def raw(caller: Caller, name: str, arguments: bytes) -> httpx.Response:
    """Call a tool with arguments that no JSON writer would write."""
    body = caller.http.build_request("POST", "/", json=caller.message("tools/call", {"name": name, "arguments": 0}))
    sent = body.content.replace(b'"arguments":0', b'"arguments":' + arguments)
    headers = {"Content-Type": "application/json", "Mcp-Method": "tools/call", "Mcp-Name": name}
    return caller.http.post("/mcp", content=sent, headers=headers)


def test_what_is_saved_is_found_listed_and_read_also_elsewhere(caller: Caller, alice: Person) -> None:
    text = "# Leek soup 🍲\n\n* \tcream  \n"

    saved = caller.value("save_note", content=text, tags=["Cooking", "#winter"], source_url="https://a.example/x")
    found = caller.value("search_notes", query="LEEK cream")["notes"]
    read = caller.value("read_note", id=saved["id"])

    assert (saved["title"], saved["tags"], saved["created"]) == ("Leek soup 🍲", ["cooking", "winter"], True)
    assert [note["id"] for note in found] == [saved["id"]]
    assert found[0]["excerpt"] == "# Leek soup 🍲 * cream"
    assert (read["content"], read["truncated"], read["next_offset"]) == (text, False, None)
    assert (read["source"], read["source_url"]) == ("chatgpt", "https://a.example/x")
    assert caller.value("search_notes", query="turnip")["notes"] == []
    assert caller.value("list_notes", tag="Cooking")["notes"] == found
    assert caller.value("list_notes", tag="cook")["notes"] == []
    assert alice.get(f"/api/notes/{saved['id']}/").json()["content"] == text


def test_the_same_save_is_one_note(caller: Caller) -> None:
    first, again = (caller.value("save_note", content="Same", title=None) for _ in range(2))

    assert (first["created"], again["created"], again["id"]) == (True, False, first["id"])


def test_values_are_as_described_and_the_text_says_the_same(caller: Caller) -> None:
    import json

    schemas = {tool["name"]: tool["outputSchema"] for tool in caller.send("tools/list").json()["result"]["tools"]}
    note = caller.value("save_note", content="x")["id"]
    calls: dict[str, dict[str, Any]] = {
        "save_note": {"content": "y"}, "search_notes": {"query": "x"}, "list_notes": {"limit": 1},
        "read_note": {"id": note},
    }  # fmt: skip
    for name, arguments in calls.items():
        result = caller.tool(name, **arguments).json()["result"]
        Draft202012Validator(schemas[name]).validate(result["structuredContent"])
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


def test_pages_lead_through_all_notes_newest_first(caller: Caller, alice: Person) -> None:
    made = [keep(alice, f"Note {number}") for number in range(7)]

    seen, more = [], {}
    while True:
        page = caller.value("list_notes", limit=3, **more)
        seen += [note["id"] for note in page["notes"]]
        more = {"cursor": page["next_cursor"]}
        if more["cursor"] is None:
            break

    assert seen == made[::-1]


@pytest.mark.parametrize("piece", HARD, ids=repr)
def test_a_long_note_comes_in_parts_that_are_small_enough_and_add_up(caller: Caller, alice: Person, piece: str) -> None:
    content = piece * (230_000 // len(piece))
    url = "https://a.example/" + '"' * 1900
    note = keep(alice, content, title='"' * 200, tags=WORST_TAGS, source_url=url)

    text, offset, parts = "", 0, 0
    while offset is not None:
        answer = caller.tool("read_note", id=note, offset=offset)
        assert size(answer) < MOST
        part = answer.json()["result"]["structuredContent"]
        assert part["truncated"] is (part["next_offset"] is not None)
        text, offset, parts = text + part["content"], part["next_offset"], parts + 1

    assert text == content
    assert parts <= (45 if piece == "\x01" else 25)
    assert size(caller.tool("save_note", content=content, title='"' * 200)) < MOST


def test_a_page_of_the_worst_notes_is_small_enough_and_none_is_left_out(
    caller: Caller, alice: Person, settings: Any
) -> None:
    settings.NOTE_WRITES_PER_MINUTE = 1000
    made = [keep(alice, f"{n}" + '"\\\x01' * 200, title='"' * 200, tags=WORST_TAGS) for n in range(35)]

    seen, more = [], {}
    while not seen or more["cursor"]:
        answer = caller.tool("list_notes", limit=30, **more)
        assert size(answer) < MOST
        page = answer.json()["result"]["structuredContent"]
        seen += [note["id"] for note in page["notes"]]
        more = {"cursor": page["next_cursor"]}

    assert seen == made[::-1]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("save_note", {}, "content"),
    ("save_note", {"content": ""}, "content"),
    ("save_note", {"content": "a\0b"}, "content"),
    ("save_note", {"content": 7}, "content"),
    ("save_note", {"content": ["x"]}, "content"),
    ("save_note", {"content": "x" * 262_145}, "content"),
    ("save_note", {"content": "x", "title": "x" * 201}, "title"),
    ("save_note", {"content": "x", "tags": "x"}, "tags"),
    ("save_note", {"content": "x", "tags": [{"a": 1}]}, "tags"),
    ("save_note", {"content": "x", "tags": ["x"] * 21}, "tags"),
    ("save_note", {"content": "x", "tags": ["x" * 41]}, "tags"),
    ("save_note", {"content": "x", "source_url": "javascript:alert(1)"}, "source_url"),
    ("save_note", {"content": "x", "owner": 1}, "owner: There is no such member"),
    ("save_note", {"content": "x", "a\0": 1}, "There is no such member"),
    ("search_notes", {}, "query"),
    ("search_notes", {"query": " "}, ""),
    ("search_notes", {"query": "\0"}, "query"),
    ("search_notes", {"query": "x" * 201}, "query"),
    ("list_notes", {"limit": 0}, "limit"),
    ("list_notes", {"limit": 31}, "limit"),
    ("list_notes", {"limit": 1.5}, "limit"),
    ("list_notes", {"limit": "9" * 2000}, "limit"),
    ("list_notes", {"limit": [1]}, "limit"),
    ("list_notes", {"cursor": "x"}, "cursor"),
    ("list_notes", {"tag": "\0"}, "tag"),
    ("read_note", {}, "id"),
    ("read_note", {"id": "x" * 100_000}, "id"),
    ("read_note", {"id": 5}, "id"),
    ("read_note", {"id": "01981d5e-0000-7000-8000-000000000000"}, "not_found"),
    ("read_note", {"id": "01981d5e-0000-7000-8000-000000000000", "offset": -1}, "offset"),
    ("read_note", {"id": "01981d5e-0000-7000-8000-000000000000", "offset": 2**70}, "offset"),
]


@pytest.mark.parametrize(("name", "arguments", "said"), WRONG, ids=lambda value: str(value)[:40])
def test_a_model_is_told_what_is_wrong(caller: Caller, name: str, arguments: dict[str, Any], said: str) -> None:
    if name == "search_notes" and arguments == {"query": " "}:
        assert caller.value(name, **arguments)["notes"] == []
        return
    text = caller.trouble(name, **arguments)

    assert said in text
    assert len(text) <= 2000
    assert caller.value("list_notes")["notes"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        b'{"content":%s}' % UNPAIRED, b'{"content":"a\\udc00b"}', b'{"content":"x","title":%s}' % UNPAIRED,
        b'{"content":"x","tags":[%s]}' % UNPAIRED, b'{"content":"x",%s:1}' % UNPAIRED, b'{"content":"a\\u0000"}',
    ],
)  # fmt: skip
def test_unpaired_surrogates_and_nul_are_refused_as_the_tools_error(caller: Caller, arguments: bytes) -> None:
    answer = raw(caller, "save_note", arguments)

    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["isError"] is True
    assert caller.value("list_notes")["notes"] == []


def test_a_pair_of_surrogates_is_a_character(caller: Caller) -> None:
    answer = raw(caller, "save_note", b'{"content":"\\ud83c\\udf72"}')

    assert answer.json()["result"]["structuredContent"]["title"] == "🍲"


def test_another_users_note_is_not_there(caller: Caller, bob: Person) -> None:
    secret = keep(bob, "Bob's secret")

    assert caller.trouble("read_note", id=secret) == caller.trouble(
        "read_note", id="01981d5e-0000-7000-8000-000000000000"
    )
    assert caller.value("search_notes", query="secret")["notes"] == []
    assert caller.value("list_notes", cursor="ffffffff-ffff-7fff-bfff-ffffffffffff")["notes"] == []


def test_a_full_shelf_is_the_tools_error(caller: Caller, settings: Any) -> None:
    settings.NOTES_PER_USER = 1
    caller.value("save_note", content="one")

    assert "notes_full" in caller.trouble("save_note", content="two")
