"""One word for each thing: no name stands for two, and no old name comes back."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APPS = (
    "accounts",
    "chats",
    "common",
    "compat",
    "config",
    "feed",
    "llm",
    "notes",
    "ops",
    "search",
    "streamchat",
    "tools",
    "usage",
)
ASIDE = re.compile(r"/(tests|testing|migrations|management)/")
SHARED = {
    "Model": "a row that staff edit, and what of it and of the environment may be chosen",
    "delete": "the page's view that deletes a chat, and the one that deletes a note",
    "refusal_response": "a refusal in the shape of one protocol: config.errors chooses among them by module",
}
OLD_MODULES = """
accounts.api.input accounts.api.output accounts.events accounts.oauth.access accounts.oauth.documents
accounts.oauth.ending accounts.oauth.families accounts.oauth.reading accounts.pages.access accounts.security.guessing
accounts.social.deciding chats.api.ai_sdk chats.api.ai_sdk_asks chats.api.ai_sdk_body chats.api.ai_sdk_schema
chats.api.first_token chats.api.forms chats.api.openai chats.api.openai_body chats.api.openai_schema
chats.api.openai_storing chats.api.outputs chats.api.seed chats.api.waiting chats.consumers.commands
chats.consumers.letting_in chats.pages.changes chats.pages.commands chats.pages.forms chats.pages.tab
chats.pages.watching chats.services.accounts chats.services.threads chats.titles chats.turns.actions
chats.turns.asking chats.turns.begin chats.turns.bus chats.turns.commands chats.turns.following chats.turns.log
chats.turns.mirroring chats.turns.placing chats.turns.prompting chats.turns.readers chats.turns.relaying
chats.turns.resuming chats.turns.running chats.turns.store chats.turns.stored chats.turns.ticking chats.turns.titling
chats.turns.unstored chats.wire.blocks chats.wire.code chats.wire.fragments chats.wire.frames chats.wire.live
chats.wire.openai_chat chats.wire.ui_stream common.lean common.pacing common.together llm.clean llm.faults
llm.providers llm.sessions llm.sse llm.streaming llm.transport llm.types notes.api.access notes.api.outputs
notes.forms notes.mcp.access notes.mcp.forms streamchat.answers streamchat.claiming streamchat.desk streamchat.errand
streamchat.incoming streamchat.relaying streamchat.setting_up
"""
OLD_NAMES = """
Ask Begun Cut Relay Seen Shown Tab Together Wish both calm_collector carry_out client_network dress hear obey
read_wish remind unlogged vanish
"""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(path for app in APPS for path in (ROOT / app).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not ASIDE.search(name):
            yield name, ast.parse(path.read_text())


@pytest.fixture(scope="module")
def defined() -> dict[str, list[str]]:
    """Return where each public class and function of a module is defined."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                found[node.name].append(path)
    return found


def test_no_name_stands_for_two_things(defined: dict[str, list[str]]) -> None:
    twice = {name: paths for name, paths in defined.items() if len(paths) > 1 and name not in SHARED}

    assert twice == {}, f"one of them wants another name (or SHARED in this file a reason): {twice}"


def test_what_may_be_shared_is(defined: dict[str, list[str]]) -> None:
    assert [name for name in SHARED if len(defined[name]) < 2] == []


@pytest.mark.parametrize("module", OLD_MODULES.split())
def test_no_old_module_comes_back(module: str) -> None:
    path = ROOT / module.replace(".", "/")

    assert not path.with_suffix(".py").exists()
    assert not (path / "__init__.py").exists()


def test_no_old_name_comes_back() -> None:
    """Methods included."""
    nodes = (node for _, tree in modules() for node in ast.walk(tree))
    names = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}

    assert names.isdisjoint(OLD_NAMES.split())


def test_every_logger_of_ours_hears_log_level() -> None:
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    named = {name for path in sources for name in re.findall(r"getLogger\((.*?)\)", path.read_text())}

    assert "__name__" not in named
    assert [name for name in named if not name.startswith('"parley.')] == []
