"""What docs/operations.md tells operators to type, as it stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE, DEPLOY = ROOT / "docs/operations.md", ROOT / "deploy"


def recipe(language: str, containing: str) -> str:
    """Return the one block of the page in a language that contains a text."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (found,) = (block for block in blocks if containing in block)
    return str(found)


def replaced(text: str, changes: dict[str, str]) -> str:
    """Put this machine's hosts, ports and folders into a recipe; each of them must be there."""
    for old, new in changes.items():
        assert old in text, f"the recipe no longer says {old!r}"
        text = text.replace(old, new)
    return text
