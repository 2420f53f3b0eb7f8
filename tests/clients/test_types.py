"""What is made of the OpenAPI document is not stale, and Postman's own runner goes through the collection."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from conftest import PASSWORD
from tests.clients.install import HERE
from tests.clients.make_types import DOCS, MADE

NEWMAN = HERE / "node_modules" / "newman" / "bin" / "newman.js"
STEPS = [
    "Create an account and sign in", "Sign in", "Show my account", "chats create", "messages send",
    "messages regenerate", "messages list", "chats history", "ai sdk submit", "prompt gpt", "chats delete",
]  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_not_stale(name: str, node: str, tmp_path: Path) -> None:
    made = tmp_path / name
    subprocess.run(MADE[name](made), check=True, capture_output=True, timeout=120)

    assert made.read_text() == (DOCS / name).read_text(), f"docs/{name} is stale: run `make types`"


def test_postman_goes_through_the_collection(node: str, live: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    values = {"baseUrl": live, "email": f"p{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    options = ["--reporters", "json", "--reporter-json-export", str(report)]
    options += [part for name, value in values.items() for part in ("--env-var", f"{name}={value}")]
    subprocess.run([node, NEWMAN, "run", in_order(tmp_path), *options], check=True, capture_output=True, timeout=120)

    done = json.loads(report.read_text())["run"]["executions"]
    answers = [(one["item"]["name"], one["response"]["code"]) for one in done]
    assert [name for name, _ in answers] == STEPS
    assert {code for _, code in answers} <= {200, 201, 204}, answers


def in_order(folder: Path) -> Path:
    """Write a collection of the steps alone: the runner takes requests in the file's order."""
    whole = json.loads((DOCS / "postman.json").read_text())
    known = {item["name"]: item for item in requests(whole)}
    file = folder / "steps.json"
    file.write_text(json.dumps({**whole, "item": [known[name] for name in STEPS]}))
    return file


def test_the_collection_runs_as_it_stands(node: str, live: str, tmp_path: Path) -> None:
    """All but what has to be done by hand, in its own order, with its own assertions; and it may be run again."""
    whole = json.loads((DOCS / "postman.json").read_text())
    assert whole["item"].pop()["name"] == "by hand"
    file = tmp_path / "whole.json"
    file.write_text(json.dumps(whole))
    values = {"baseUrl": live, "email": f"p{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    options = [part for name, value in values.items() for part in ("--env-var", f"{name}={value}")]

    for _ in range(2):
        done = subprocess.run([node, NEWMAN, "run", file, *options], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-6000:]


def requests(folder: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for item in folder["item"] for one in (requests(item) if "item" in item else [item])]
