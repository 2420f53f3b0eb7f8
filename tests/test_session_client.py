"""`examples/session/` is quoted in docs/api.md, and runs: registered, refreshed once for all, signed out."""

import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NODE = shutil.which("node")


@pytest.fixture
def seen(live):
    """Return what the script saw; left out by name where there is no node."""
    if NODE is None:
        pytest.skip("node is not installed: tests/session_client.mjs was not run")
    email = f"p{uuid.uuid4().hex[:12]}@example.org"
    command = [NODE, str(ROOT / "tests" / "session_client.mjs"), live, email]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {"email": email, **json.loads(done.stdout)}


def test_the_life_of_a_client(seen):
    assert seen["stranger"] == [False, "signed out"]
    assert seen["weak"] == "invalid"
    assert seen["registered"] == seen["email"]
    assert seen["signedIn"] is True

    # Ten requests meet an expired token: one refresh, and each is sent once more.
    assert seen["ten"] == [201] * 10
    assert seen["refreshes"] == 1
    assert seen["chats"] == 10

    # A 401 that comes after the others' refresh makes no second one.
    assert seen["straggler"] == [200, 200]
    assert seen["stragglerRefreshes"] == 1

    # A server that is away signs nobody out; a reload goes on by the cookie.
    assert seen["away"] == ["HTTP 502", True]
    assert seen["back"] == 200
    assert seen["reloaded"] == [True, 200]

    assert seen["loggedOut"] == [False, 0, "signed out", "signed out"]
    assert seen["ended"] == ["signed out", False, 1, 1]


def test_the_document_quotes_the_file():
    page = (ROOT / "docs" / "api.md").read_text()
    blocks = re.findall(r"^```js\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)

    assert (ROOT / "examples" / "session" / "session.js").read_text() in blocks
