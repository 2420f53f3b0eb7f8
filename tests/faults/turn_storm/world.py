"""What the threads of one process share: the runs they play, what they saw, and what they were promised."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.access import Claims
from chats.parts import Part, joined
from chats.turns.ends import Outcome
from chats.turns.requests import AcceptedTurn, TurnRequest
from chats.turns.writes import PendingChunks
from usage.attempts import AttemptRow

# What must never be seen, whatever is going on; each is one statement, so it sees one moment.
NEVER = {
    "turn and message differ": "SELECT count(*) FROM chats_turn t JOIN chats_message m ON m.id = t.reply_id "
    "WHERE t.state <> m.state",
    "two unfinished turns": "SELECT count(*) FROM (SELECT chat_id FROM chats_turn WHERE state IN "
    "('streaming', 'waiting') GROUP BY chat_id HAVING count(*) > 1) AS found",
    "a lost stop": "SELECT count(*) FROM chats_turn WHERE state = 'waiting' AND stop_requested",
    "a wait with an owner": "SELECT count(*) FROM chats_turn WHERE state = 'waiting' AND lease_owner <> ''",
    "an open call of what runs": "SELECT count(*) FROM chats_toolcall c JOIN chats_turn t ON t.id = c.turn_id "
    "WHERE c.approved IS NULL AND t.state = 'streaming'",
    "a chunk of what runs not": "SELECT count(*) FROM chats_chunk c JOIN chats_message m ON m.id = c.message_id "
    "WHERE m.state <> 'streaming' AND c.at < 1000000000",
    "a provider's state of what has ended": "SELECT count(*) FROM chats_chunk c JOIN chats_message m "
    "ON m.id = c.message_id WHERE m.state NOT IN ('streaming', 'waiting') AND c.kind = 'provider_metadata'",
    "too many turns": "SELECT count(*) FROM (SELECT user_id FROM chats_turn WHERE state = 'streaming' "
    f"GROUP BY user_id HAVING count(*) > {settings.TURNS_PER_USER}) AS found",
}


def flat(parts: list[Part]) -> str:
    """Return parts as one text of which every earlier state of the reply is a beginning."""
    return "".join(f"\n{kind}: {text}" for kind, text in joined(parts))


@dataclass
class Run:
    """A runner as far as the database knows it."""

    accepted: AcceptedTurn
    parts: list[Part] = field(default_factory=list)
    saved: int = 0
    tokens: int = 0
    settled: int = 0
    lost: bool = False  # from now on nothing that it writes may be taken
    aside: list[tuple[int, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.accepted.job is not None
        self.job, self.reply = self.accepted.job, self.accepted.reply.id
        self.parts = list(self.job.kept)
        self.saved = len(self.parts)
        if self.job.usage:
            self.tokens = self.settled = self.job.usage.prompt + self.job.usage.completion

    def length(self, upto: int | None = None) -> int:
        return sum(len(text) for _, text in self.parts[:upto])

    def pending(self) -> PendingChunks:
        at, chunks = self.length(self.saved), list[tuple[int, str, str]]()
        for kind, text in joined(self.parts[self.saved :]):
            chunks.append((at, kind, text))
            at += len(text)
        return PendingChunks(self.job.turn_id, self.job.epoch, self.reply, chunks + self.aside)

    def outcome(self, state: str) -> Outcome:
        call = AttemptRow("openai", "gpt", 1.0, 2.0, 3.0, tokens_in=self.tokens - self.settled)
        return Outcome(
            state, "", joined(self.parts), prompt_tokens=self.tokens, completion_tokens=0, charge=self.job.charge,
            calls=[call], aside=self.aside,
        )  # fmt: skip


class World:
    """What the threads of this process share: its runs, and what was seen and promised."""

    def __init__(self, owners: dict[UUID, Claims]) -> None:
        self.owners, self.lock = owners, threading.Lock()
        self.runs: list[Run] = []
        self.count: Counter[str] = Counter()
        self.seen: dict[UUID, str] = {}  # the longest text of a reply that was stored, or read from storage
        self.final: dict[UUID, str] = {}
        self.went_on: list[tuple[str, int]] = []
        self.keys: dict[str, tuple[TurnRequest, UUID]] = {}
        self.wrong: list[str] = []

    def launch(self, accepted: AcceptedTurn) -> None:
        run = Run(accepted)
        with self.lock:
            self.runs.append(run)
            if run.job.epoch > 1:
                self.went_on.append((str(run.reply), run.job.epoch))
                self.count["went on"] += 1

    def take(self, most: int = 1) -> list[Run]:
        with self.lock:
            random.shuffle(self.runs)
            taken, self.runs = self.runs[:most], self.runs[most:]
        return taken

    def see(self, reply: UUID, parts: list[Part]) -> None:
        """Note what is stored of a reply: it only grows."""
        text = flat(parts)
        with self.lock:
            known = self.seen.get(reply, "")
            if not text.startswith(known) and not known.startswith(text):
                self.wrong.append(f"{reply} was {known!r}, is {text!r}")
            self.seen[reply] = max(known, text, key=len)

    def end(self, reply: UUID, parts: list[Part]) -> None:
        self.see(reply, parts)
        with self.lock:
            if reply in self.final:
                self.wrong.append(f"{reply} has ended twice")
            self.final[reply] = flat(parts)

    def look(self) -> None:
        """Note what must never be seen and is."""
        with connection.cursor() as cursor:
            for name, statement in NEVER.items():
                cursor.execute(statement)
                if cursor.fetchone()[0]:
                    self.wrong.append(f"seen: {name}")
