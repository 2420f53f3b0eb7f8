"""How many turns a second one limit lets in: python -m benchmarks.shared_limit [--processes N --threads N --seconds N]

Accepting and ending alone, as the engine does them, on PostgreSQL; no provider, no door. All turns of a shared limit
lock one row, once as they begin and once as they end, through the commit: that is the ceiling, whatever the hardware
beside the disk. Without a limit, and with one for each person, turns of different people wait for nobody.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.parley import administer, environment, fresh_database
from benchmarks.servers import ROOT

WORKER = "--work"
CREATE_SHARED = (
    "INSERT INTO usage_limit (name, is_shared, model, unit, period, amount, enabled) "
    "VALUES ('all', true, '', 'cost', 'month', 1000000000000000, true)"
)
NONE, EACH, SHARED = "no limit", "a limit for each person", "one shared limit"


def work(limit: str, threads: int, seconds: float) -> dict[str, Any]:
    """Take turns with so many threads, each somebody of its own; return how many, and how long accepting took."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.db import connection

    from accounts.access import Claims, load_viewer
    from accounts.models import User
    from accounts.security.network import ClientInfo
    from accounts.services.sessions import start_session
    from chats.models import State
    from chats.turns.accept import accept_turn
    from chats.turns.ends import Outcome, finish
    from chats.turns.requests import SendRequest
    from common.ids import uuid7
    from usage.attempts import AttemptRow
    from usage.models import Limit

    taken: list[float] = []

    def take_turns() -> None:
        user = User.objects.create_user(f"bench{uuid7().hex}@example.org", None, is_email_confirmed=True)
        if limit == EACH:
            Limit.objects.create(name="own", user=user, unit="cost", period="month", amount=10**15)
        viewer = load_viewer(Claims(user.pk, start_session(user, ClientInfo()).pk))
        chat = uuid7()
        ready.wait()
        while time.monotonic() < begun + seconds:
            before = time.perf_counter()
            accepted = accept_turn(viewer, SendRequest(chat=chat, content="Hello", create=True), "bench")
            spent = time.perf_counter() - before
            job = accepted.job
            assert job is not None
            now = time.time()
            call = AttemptRow("openai", "gpt-6-luna", now, now, now, tokens_in=10, tokens_out=50, cost=100)
            outcome = Outcome(State.COMPLETE, "stop", [("text", "Hello again.")], cost=100, charge=job.charge,
                              calls=[call])  # fmt: skip
            assert finish(job.turn_id, job.epoch, outcome)
            taken.append(spent)
        connection.close()

    begun = 0.0

    def start() -> None:
        nonlocal begun
        begun = time.monotonic()

    ready = threading.Barrier(threads, action=start)
    workers = [threading.Thread(target=take_turns) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return {"turns": len(taken), "seconds": time.monotonic() - begun, "accept": sorted(taken)}


def measured(options: argparse.Namespace, env: dict[str, str], limit: str) -> None:
    command = [sys.executable, "-m", "benchmarks.shared_limit", WORKER, limit, "--threads", str(options.threads),
               "--seconds", str(options.seconds)]  # fmt: skip
    workers = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) for _ in range(options.processes)]
    found = [json.loads(each.communicate()[0]) for each in workers]
    times = sorted(second for one in found for second in one["accept"])
    rate = sum(one["turns"] / one["seconds"] for one in found)
    middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"{limit:24} {rate:6.0f} turns/s; accepting p50 {middle * 1000:.1f} ms, p99 {late * 1000:.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(WORKER, choices=[NONE, EACH, SHARED], dest="work")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(options.work, options.threads, options.seconds)))
        return
    for limit in (NONE, EACH, SHARED):
        with tempfile.TemporaryDirectory() as folder, fresh_database("postgresql", Path(folder)) as database:
            env = environment("http://127.0.0.1:9/v1", database, OPENAI_MODEL="gpt-6-luna")
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
            if limit == SHARED:
                administer(CREATE_SHARED, database)
            measured(options, env, limit)


if __name__ == "__main__":
    main()
