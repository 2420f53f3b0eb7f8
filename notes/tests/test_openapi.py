"""`/openapi/notes.json`: what the editor of a GPT demands of it, and that the API does what it says."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from conftest import Person
from notes.openapi import build
from notes.tests.conftest import App

DOCUMENT = build()
METHODS = {"get", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def all_of(node: Any, key: str) -> Iterator[Any]:
    """Yield every value of a key, however deep."""
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == key)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from all_of(child, key)


def test_it_is_served_to_everybody_and_valid(live: str, settings) -> None:
    answer = httpx.get(f"{live}/openapi/notes.json")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert httpx.get(f"{live}/openapi/notes.json/").json() == answer.json()
    assert answer.json()["openapi"] == "3.1.0"
    assert httpx.post(f"{live}/openapi/notes.json").headers["content-type"] == "application/problem+json"
    OpenAPIV31SpecValidator(answer.json()).validate()


@pytest.mark.parametrize("site", ["https://parley.example", "http://localhost:8000"])
def test_there_is_one_https_server_and_the_way_in_is_at_the_same_host(settings, site: str) -> None:
    settings.SITE_URL = site
    document = build()

    (server,) = document["servers"]
    flow = document["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"]
    assert server["url"] == f"https://{site.partition('://')[2]}"
    assert flow["authorizationUrl"] == f"{server['url']}/oauth/authorize/"
    assert flow["tokenUrl"] == f"{server['url']}/oauth/token/"


def test_names_lengths_and_flags_are_as_the_importer_wants_them() -> None:
    found = [operation for _, _, operation in operations()]
    names = [operation["operationId"] for operation in found]

    assert sorted(names) == ["changeNote", "deleteNote", "listNotes", "readNote", "saveNote"]
    for operation in found:
        assert 0 < len(operation["summary"]) <= 300
        assert 0 < len(operation["description"]) <= 300
        assert isinstance(operation["x-openai-isConsequential"], bool)
        assert operation["security"][0]["oauth"]
    assert {name for name, each in zip(names, found, strict=True) if each["x-openai-isConsequential"]} == {
        "changeNote",
        "deleteNote",
    }
    assert all(len(text) <= 700 for text in all_of(DOCUMENT, "description"))
    assert all(parameter.get("description") for each in all_of(DOCUMENT, "parameters") for parameter in each)
    assert len(json.dumps(DOCUMENT)) < 100_000


def test_it_holds_no_secret(settings) -> None:
    text = json.dumps(DOCUMENT)

    for secret in (settings.SECRET_KEY, "secret", "token=", "client_id"):
        assert secret not in text


def answered(operation: dict[str, Any], answer: httpx.Response) -> Any:
    """Check an answer against the operation and return it."""
    told = operation["responses"].get(str(answer.status_code))
    assert told, (answer.status_code, answer.text)
    if "content" not in told:
        assert not answer.content
        return None
    schema = told["content"][answer.headers["content-type"]]["schema"]
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    validator.validate(answer.json())
    return answer.json()


def test_every_operation_does_what_it_says(alice: Person, app: App) -> None:
    client = app(alice, "notes:read", "notes:write")
    by_name = {operation["operationId"]: (path, method, operation) for path, method, operation in operations()}
    called = set()

    def call(name: str, id_: str = "", body: Any = None, **query: Any) -> Any:
        path, method, operation = by_name[name]
        known = {each["name"] for each in operation.get("parameters", [])}
        assert query.keys() <= known
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(body)
        called.add(name)
        return answered(operation, client.request(method, path.format(id=id_), json=body, params=query))

    note = call("saveNote", body={"content": "# Soup", "tags": ["food"], "source_url": "https://a.example/"})
    assert call("saveNote", body={"content": "# Soup", "tags": ["food"], "source_url": "https://a.example/"}) == note
    call("saveNote", body={"content": "Other"})
    page = call("listNotes", page_size=1)
    cursor = httpx.URL(page["next"]).params["cursor"]
    assert [row["id"] for row in call("listNotes", page_size=1, cursor=cursor)["results"]] == [note["id"]]
    assert [row["id"] for row in call("listNotes", search="soup", tag="food")["results"]] == [note["id"]]
    assert call("changeNote", note["id"], {"title": "Leek soup"})["title"] == "Leek soup"
    assert call("readNote", note["id"], offset=2)["content"] == "Soup"
    assert call("deleteNote", note["id"]) is None
    assert called == set(by_name)


def test_refusals_have_the_shape_that_it_shows(alice: Person, app: App) -> None:
    refused = app(alice, "notes:read").post("/api/notes/", json={"content": ""})

    schema = DOCUMENT["components"]["schemas"]["Problem"]
    assert refused.headers["content-type"] == "application/problem+json"
    Draft202012Validator(schema).validate(refused.json())
