"""Tasks that the tests enqueue; what they do is seen in this process."""

import asyncio
import threading
from collections import Counter

from common.tasks import Actor, task

calls: Counter[str] = Counter()
release = threading.Event()


@task
def note(name: str) -> None:
    calls[name] += 1


@task
def hold(name: str) -> None:
    calls[name] += 1
    assert release.wait(30)


@task
def fail(name: str) -> None:
    calls[name] += 1
    raise ConnectionRefusedError("cannot send to secret@example.org")


@task
def act(actor: Actor, name: str) -> None:
    calls[f"{name} for {actor.user_id}"] += 1


@task
async def anote(name: str) -> None:
    await asyncio.sleep(0)
    calls[name] += 1


def no_task() -> None: ...
