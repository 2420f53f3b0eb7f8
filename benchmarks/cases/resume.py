"""Readers cut in the middle of a reply who come back with the id of the last event they had."""

import asyncio
import re

import uvloop

from benchmarks import texts
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import SSE, Person, WrongAnswer, ask_sse, bearer, data_of, joined
from benchmarks.load import Answer, Client, request
from benchmarks.parley import Parley
from benchmarks.results import percentile
from benchmarks.streaming import spread_out

CASE, TITLE = "resume", "Cut and resumed"
READERS, TOKENS, PACE = 100, 60, 50
CUT = 1.5  # seconds after the first token
ID = re.compile(rb"id: (\d+)\n")


def run(bench: Bench) -> None:
    for kind in bench.kinds:
        with bench.parley(kind, STREAMS_PER_USER="1000", TURNS_PER_USER="1000") as ours:
            people = spread_out(ours.seed(people=4, chats=READERS // 4))
            running, ended, cost, wrong = uvloop.run(measure(ours, people))
        about = f"{READERS} readers, {NAMES[kind]}"
        for name, seconds in (("a running reply", running), ("an ended reply", ended)):
            for share in (50, 95):
                late = percentile(seconds, share) * 1000
                bench.add(CASE, f"first byte after resuming {name}, p{share}, {about}", "ms", [late])
        bench.add(CASE, f"CPU of resuming an ended reply, {NAMES[kind]}", "ms", [cost * 1000 / READERS])
        note = "".join(wrong[:1])
        bench.add(CASE, f"replies not whole, {about}", "", [len(wrong)], target="0", met=not wrong, note=note)


async def measure(ours: Parley, people: list[Person]) -> tuple[list[float], list[float], float, list[str]]:
    """Cut and resume everybody, at once while the replies run, and once more when they have ended."""
    heads = await asyncio.gather(*(cut(ours.port, person, at * 0.006) for at, person in enumerate(people)))
    rests = await asyncio.gather(*(resume(ours.port, *pair) for pair in zip(people, heads, strict=True)))
    wrong = [error for pair in zip(heads, rests, strict=True) if (error := error_of(*pair))]
    before = ours.process.cpu()
    again = [await resume(ours.port, *pair) for pair in zip(people, heads, strict=True)]
    cost = ours.process.cpu() - before
    wrong += [error for pair in zip(heads, again, strict=True) if (error := error_of(*pair))]
    return [first_byte(rest) for rest in rests], [first_byte(rest) for rest in again], cost, wrong


async def cut(port: int, person: Person, delay: float) -> bytes:
    """Start a turn, read on for a while, drop the connection; returns the whole events that came."""
    await asyncio.sleep(delay)
    client = Client(port)
    waiting = asyncio.create_task(client.send(ask_sse(person, TOKENS, PACE)))
    await asyncio.sleep(CUT)
    connection = client.connection
    raw = b"".join(connection.parts)
    connection.transport.abort()
    await asyncio.gather(waiting, return_exceptions=True)
    body = Answer(0, raw + b"\r\n0\r\n\r\n").body
    return body[: body.rfind(b"\n\n") + 2]


async def resume(port: int, person: Person, head: bytes) -> Answer:
    path, client = f"/api/chats/{person['chats'][0]}/stream/", Client(port)
    last = ID.findall(head)[-1].decode()
    answer = await client.send(request("GET", path, headers=bearer(person, ("Last-Event-ID", last))))
    client.close()
    return answer


def first_byte(answer: Answer) -> float:
    return answer.arrivals[0][0] - answer.sent


def error_of(head: bytes, rest: Answer) -> str:
    """Return what is wrong with a reply put together from both parts."""
    events = [event for event in data_of(head) + data_of(rest.body) if "at" in event]
    try:
        whole = joined(events[:-1], events[-1])
    except (WrongAnswer, KeyError, IndexError) as error:
        return repr(error)
    return "" if texts.is_whole(whole.encode(), TOKENS) else f"{SSE.name}: {whole[:80]}"
