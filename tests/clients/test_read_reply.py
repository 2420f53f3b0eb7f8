"""`readReply` of docs/api.md reads a reply to its end, whatever happens to the connection."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Person
from llm.testing import FakeProvider
from tests.browser.wire import Wire

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
READER, CALL = re.findall(r"^```js\n((?:(?!^```).)*?readReply\(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCRIPT = """
const [base, token, chat, content] = process.argv.slice(2);
const show = (text) => console.log(JSON.stringify(text));
%s
%s
console.log(JSON.stringify(message.content));
"""


@pytest.fixture
def wire(live: str) -> Iterator[Wire]:
    with Wire(int(live.rpartition(":")[2])) as made:
        yield made


@pytest.mark.parametrize("cuts", [0, 1, 3])
def test_a_reply_is_read_to_its_end_however_often_the_line_is_cut(
    node: str, wire: Wire, alice: Person, fake: FakeProvider, tmp_path: Path, cuts: int
) -> None:
    words = " ".join(f"wörd{number}😀" for number in range(80))
    fake.script(text=words, chunk=7, delay=0.03)
    chat, program = alice.chat(), tmp_path / "read.mjs"
    program.write_text(SCRIPT % (READER, CALL))

    command = [node, str(program), wire.url, alice.token, chat, "Count"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        lines = [reader.stdout.readline()]
        for _ in range(cuts):
            wire.cut()
            wire.mend()
            lines += [reader.stdout.readline() for _ in range(5)]
        lines += reader.stdout.readlines()

    assert reader.returncode == 0
    assert json.loads(lines[-1]) == json.loads(lines[-2]) == words
    assert alice.messages(chat)[-1]["content"] == words
    assert len(lines) > 10
    assert len(alice.messages(chat)) == 2
    assert len(fake.requests()) == 1
