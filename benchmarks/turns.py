"""Rounds of turns: so many people, each with a connection and a chat of their own, one turn after the other."""

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.doors import Door, Person
from benchmarks.servers import Process, own_cpu


@dataclass(frozen=True)
class Round:
    """What one round cost, in CPU seconds, and how long each turn took."""

    turns: int
    server: float
    provider: float
    load: float
    wall: float
    seconds: list[float]
    errors: list[str]

    @property
    def per_turn(self) -> float:
        """CPU milliseconds of the server for one turn."""
        return self.server / self.turns * 1000


@dataclass
class Field:
    """A server with the people who use it through one door."""

    door: Door
    port: int
    people: list[Person]
    server: Process
    provider: Process
    tokens: int = 50

    async def rounds(self, count: int, each: int) -> list[Round]:
        """Measure some rounds after one that is not counted: contexts full, code warm."""
        clients = [self.door.connect(self.port, person) for person in self.people]
        await self.round(clients, max(6, each // 4))
        found = [await self.round(clients, each) for _ in range(count)]
        for client in clients:
            client.close()
        return found

    async def round(self, clients: list[Any], each: int) -> Round:
        """Let everybody take `each` turns; every reply is checked after the clock has stopped."""
        loop = asyncio.get_running_loop()
        begun, before = loop.time(), self.spent()
        found = await asyncio.gather(*(self.one(*pair, each) for pair in zip(clients, self.people, strict=True)))
        wall, after = loop.time() - begun, self.spent()
        answers = [answer for some in found for answer in some]
        errors = [error for error in map(self.error_of, answers) if error]
        used = [late - early for early, late in zip(before, after, strict=True)]
        seconds = [answer.seconds for answer in answers if not isinstance(answer, Exception)]
        return Round(len(answers), *used, wall, seconds, errors)

    async def one(self, client: Any, person: Person, each: int) -> list[Any]:
        found = []
        for _ in range(each):
            try:
                found.append(await client.send(self.door.ask(person, self.tokens, 0)))
            except (OSError, TimeoutError) as error:
                found.append(error)
        return found

    def error_of(self, answer: Any) -> str:
        if isinstance(answer, Exception):
            return repr(answer)
        try:
            self.door.check(answer, self.tokens)
        except Exception as error:
            return repr(error)
        return ""

    def spent(self) -> tuple[float, float, float]:
        return self.server.cpu(), self.provider.cpu(), own_cpu()
