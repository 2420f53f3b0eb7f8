"""A process of the storm; prints what it has to tell as one JSON object.

python -m tests.faults.turn_storm begin                                   (users, and chats that they may make)
python -m tests.faults.turn_storm run SEED STEPS THREADS CHATS            (what `begin` printed)
python -m tests.faults.turn_storm end                                     (ends what is left, and tells all)
"""

import json
import os
import sys
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.access import Claims  # noqa: E402
from accounts.models import Session, User  # noqa: E402
from chats.models import UNFINISHED, Chunk, Message, Role, Turn  # noqa: E402
from chats.parts import from_column  # noqa: E402
from chats.turns.engine import Engine, end_expired  # noqa: E402
from tests.faults.turn_storm.actor import Actor  # noqa: E402
from tests.faults.turn_storm.world import World, flat  # noqa: E402
from usage.models import Attempt, Counter  # noqa: E402

CHATS = (2, 5)  # of which user; the first user's first chat is deleted now and then


def begin() -> dict[str, Any]:
    found = {}
    for count in CHATS:
        user = User.objects.create_user(email=f"{uuid4()}@example.org", password=None)
        session = Session.objects.create(user=user, expires_at=timezone.now() + timedelta(hours=1))
        found |= {str(uuid4()): [user.pk, str(session.pk)] for _ in range(count)}
    return found


def run(seed: int, steps: int, threads: int, chats: dict[str, Any]) -> dict[str, Any]:
    world = World({UUID(chat): Claims(user, UUID(session)) for chat, (user, session) in chats.items()})
    Engine.launch_threadsafe = lambda _, accepted: world.launch(accepted)  # type: ignore[method-assign]
    work = [(world, Actor(world, seed * 100 + number), steps // threads) for number in range(threads)]
    workers = [threading.Thread(target=_work, args=each) for each in work]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {
        "wrong": world.wrong[:5], "count": dict(world.count), "went_on": world.went_on,
        "seen": {str(reply): text for reply, text in world.seen.items()},
        "final": {str(reply): text for reply, text in world.final.items()},
    }  # fmt: skip


def _work(world: World, actor: Actor, steps: int) -> None:
    for _ in range(steps):
        try:
            actor.step()
        except Exception as error:
            world.wrong.append(f"{type(error).__name__}: {error}")
        if world.wrong:
            break
    connection.close()


def end() -> dict[str, Any]:
    Turn.objects.filter(state__in=UNFINISHED).update(lease_until=timezone.now() - timedelta(seconds=1))
    swept = end_expired()
    world = World({})
    world.look()
    replies = {row.pk: row for row in Message.objects.filter(role=Role.ASSISTANT)}
    texts = {str(id_): flat(from_column(row.content, row.reasoning, row.parts)) for id_, row in replies.items()}
    kept = User.objects.order_by("-pk")[0].pk
    turns = Turn.objects.filter(user=kept)
    used = Counter.objects.of_user(kept).aggregate(messages=Sum("messages"), tokens=Sum("tokens"))
    estimated = Attempt.objects.filter(user=kept, estimated=True).aggregate(tokens=Sum("tokens_out"))["tokens"] or 0
    return {
        "wrong": world.wrong, "swept": swept, "texts": texts,
        "unfinished": Turn.objects.filter(state__in=UNFINISHED).count(),
        "chunks": Chunk.objects.exclude(kind="tool_output").count(),
        "epochs": {str(turn.reply_id): turn.epoch for turn in Turn.objects.all()},
        "used": [used["messages"], used["tokens"] - estimated],  # what a lost run came to, nobody has told
        "spent": [
            sum(bool(texts[str(turn.reply_id)]) for turn in turns),
            sum(replies[turn.reply_id].prompt_tokens or 0 for turn in turns),
        ],
    }  # fmt: skip


if __name__ == "__main__":
    name, *given = sys.argv[1:]
    values = [json.loads(each) for each in given]
    print(json.dumps({"begin": begin, "run": run, "end": end}[name](*values)))
