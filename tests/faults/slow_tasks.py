"""Tasks that server processes run for the fault suite; files tell when they begin, and when they may end."""

import asyncio
import os
import time
from pathlib import Path

from common.tasks import task


@task
def once(folder: str, name: str) -> None:
    """Leave a file that can be made only once."""
    (Path(folder) / name).touch(exist_ok=False)
    (Path(folder) / f"by-{os.getpid()}").touch()


@task
def hold(folder: str) -> None:
    begin(folder, "hold")
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)
    (Path(folder) / f"hold-ended-{os.getpid()}").touch()


@task
async def ahold(folder: str) -> None:
    begin(folder, "ahold")
    while not (Path(folder) / "go").exists():  # noqa: ASYNC110 (another process makes it)
        await asyncio.sleep(0.02)
    (Path(folder) / f"ahold-ended-{os.getpid()}").touch()


def begin(folder: str, name: str) -> None:
    (Path(folder) / f"{name}-begun-{os.getpid()}").touch()
