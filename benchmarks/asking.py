"""The same request again and again: what it costs and how long it takes."""

from dataclasses import dataclass

import uvloop

from benchmarks.load import Answer, Client
from benchmarks.servers import Process


class Refused(RuntimeError):
    """An answer other than the expected one."""


@dataclass
class Asked:
    """One round: CPU milliseconds of a request, and the milliseconds that each took."""

    cost: float
    seconds: list[float]
    last: Answer


def ask(port: int, process: Process, wanted: bytes, count: int, status: int = 200) -> Asked:
    """Send a request `count` times over one connection."""
    return uvloop.run(_ask(port, process, wanted, count, status))


async def _ask(port: int, process: Process, wanted: bytes, count: int, status: int) -> Asked:
    client, before = Client(port), process.cpu()
    answers = [await client.send(wanted) for _ in range(count)]
    cost = (process.cpu() - before) / count * 1000
    client.close()
    for answer in answers:
        if answer.status != status:
            raise Refused(f"{wanted[:80]!r}: {answer.raw[:400]!r}")
    return Asked(cost, [answer.seconds * 1000 for answer in answers], answers[-1])
