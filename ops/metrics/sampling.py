"""What a process looks at now and then: how much it has running, open and in use."""

import os
from pathlib import Path

from django.db import connection

from chats.connections import open_connections
from chats.turns.engine import engine
from llm import breaker
from ops.metrics import definitions as metrics

SECONDS = 2.0
KINDS = {"STREAMS_PER_USER": "stream", "SOCKETS_PER_USER": "socket"}
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


async def sample() -> None:
    """Write this process's gauges; belongs to its loop."""
    metrics.PROCESSES.set(1)
    running, unsaved = engine().load()
    metrics.RUNNING.set(running)
    metrics.UNSAVED.set(unsaved)
    counts = open_connections().count()
    for limit, kind in KINDS.items():
        metrics.READERS.labels(kind).set(counts.get(limit, 0))
    for provider, rests in breaker.resting().items():
        metrics.RESTS.labels(provider).set(rests)
    for state, count in pool_state().items():
        metrics.POOL.labels(state).set(count)
    metrics.MEMORY.set(resident_bytes())


def pool_state() -> dict[str, int]:
    """Return connections and waiting requests of the pool of this process; nothing where it has none yet."""
    pools = getattr(connection, "_connection_pools", {})  # asking for `connection.pool` would make one
    if connection.alias not in pools:
        return {}
    stats = pools[connection.alias].get_stats()
    names = {"open": "pool_size", "idle": "pool_available", "waiting": "requests_waiting"}
    return {state: stats.get(name, 0) for state, name in names.items()}


def resident_bytes() -> int:
    """Return the resident memory; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0
