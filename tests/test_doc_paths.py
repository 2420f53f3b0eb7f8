"""What the documents name is there: files, folders, dotted names, decisions."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"])
APPS = "accounts|chats|common|compat|config|feed|llm|notes|streamchat|tools|usage"
FILE = re.compile(r"`([\w./-]+\.(?:py|html|css|js|mjs|jsx|toml|txt))`")
FOLDER = re.compile(rf"`((?:{APPS}|templates|static|docs|tests|benchmarks|examples)/(?:[\w/]+/)?)`")
DOTTED = re.compile(rf"`((?:{APPS})\.[a-z]\w*(?:\.\w+)*)(?:\(.*?\))?`")


def is_there(name: str) -> bool:
    """Tell whether a dotted name leads to a module, or to what a module has by that name."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:end])
        found = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        if found.exists():
            return all(re.search(rf"\b{part}\b", found.read_text()) for part in parts[end:])
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    """A bare name stands in the page's own folder, or in one that the page names."""
    text = page.read_text()
    files = {name.removeprefix("/") for name in FILE.findall(text)}  # addresses of static files, too
    folders = set(FOLDER.findall(text))
    beside = {ROOT, page.parent, *(ROOT / folder for folder in folders)} | {(ROOT / name).parent for name in files}
    places = {name: {ROOT, page.parent} if "/" in name else beside for name in files}

    assert [name for name in files if not any((place / name).exists() for place in places[name])] == []
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
    assert [name for name in DOTTED.findall(text) if not is_there(name)] == []


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/README.md").read_text()

    assert [
        path.name for path in (ROOT / "docs/decisions").glob("*.md") if f"decisions/{path.name}" not in listed
    ] == []
