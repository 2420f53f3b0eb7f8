"""`manage.py` with tools that write down, in the folder `TOOL_LOG`, each time that they are called."""

import asyncio
import os
import secrets
import sys
import time
from pathlib import Path

from tools.functions import Caller, tool


def note(name: str, what: str) -> None:
    (Path(os.environ["TOOL_LOG"]) / f"{name}.{what}.{secrets.token_hex(4)}").touch()


@tool(title="Look", reads=True)
async def look(caller: Caller, *, name: str, seconds: float = 0) -> str:
    """Looks for so many seconds."""
    note(name, "begun")
    await asyncio.sleep(seconds)
    note(name, "done")
    return f"{name} looked"


@tool(title="Block", reads=True)
def block(caller: Caller, *, name: str, seconds: float = 0) -> str:
    """Looks on a thread."""
    note(name, "begun")
    time.sleep(seconds)
    return f"{name} blocked"


@tool(title="Act")
async def act(caller: Caller, *, name: str, seconds: float = 0) -> str:
    """Does something that its user has to allow."""
    note(name, "begun")
    await asyncio.sleep(seconds)
    note(name, "done")
    return f"{name} done"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
