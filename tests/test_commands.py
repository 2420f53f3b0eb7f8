"""Our commands are in docs/operations.md, and no other is."""

import re
from pathlib import Path

from django.apps import apps
from django.core.management import get_commands

ROOT = Path(__file__).parents[1]


def test_the_page_lists_our_commands() -> None:
    own = {app.name for app in apps.get_app_configs() if (ROOT / app.name.replace(".", "/")).is_dir()}
    table = (ROOT / "docs/operations.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    said = set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))

    assert said == {name for name, app in get_commands().items() if app in own}
