"""`python -m benchmarks.search`: how long searches take among many users, one of whom has a hundred thousand messages.

It fills the database of DATABASE_URL, which is new or was filled by it before, and prints rows for docs/performance.md.
Times are those of `search.services.search`, snippets included, without HTTP; words are drawn as they are in languages
(Zipf).
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import accumulate, count, islice
from zoneinfo import ZoneInfo

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from accounts.models import User  # noqa: E402
from chats.models import Chat, Message  # noqa: E402
from common.ids import uuid7  # noqa: E402
from common.sql import is_postgresql, run_all  # noqa: E402
from search.documents import NewDocument, add_documents, message_documents, title_document  # noqa: E402
from search.indexing import documents_of, write_messages  # noqa: E402
from search.models import Document  # noqa: E402
from search.queries import parse_query  # noqa: E402
from search.rebuilding import AT_ONCE  # noqa: E402
from search.services import search  # noqa: E402

migrations = import_module("search.migrations.0002_terms")
WORDS, MEAN, BATCH = 50_000, 50, 2_000
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
BIG = "big@example.org"
UTC_ZONE = ZoneInfo("UTC")
KANJI = [chr(code) for code in range(0x4E00, 0x4E00 + 2_000)]


class Texts:
    """Messages of words by Zipf's law; one in twenty is in Japanese characters."""

    def __init__(self) -> None:
        self._dice = random.Random(1)
        self.words = [f"{self._stem(rank)}{rank}" for rank in range(WORDS)]
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(WORDS)))

    def _stem(self, rank: int) -> str:
        return "".join(self._dice.choice("aeioubcdfglmnprst") for _ in range(4))

    def message(self) -> str:
        size = max(1, int(self._dice.expovariate(1 / MEAN)))
        if self._dice.random() < 0.05:
            return "".join(self._dice.choices(KANJI, k=2 * size)) + "。"
        return " ".join(self._dice.choices(self.words, cum_weights=self._weights, k=size))


def fill(texts: Texts, users: int, messages: int) -> None:
    """Make users with a question and a reply each, and one with many, indexed as they come."""
    moments = (BEGUN + timedelta(seconds=30 * at) for at in count())
    made = (
        User(email=f"u{number}@example.org", email_key=f"u{number}@example.org", password="!")
        for number in range(users)
    )
    if is_postgresql():  # such an index is made in a fraction of the time in which it grows
        run_all([("DROP INDEX search_terms", [])])
    while batch := list(islice(made, BATCH)):
        write(texts, User.objects.bulk_create(batch), 2, moments)
    big = User.objects.create_user(BIG, "a long passphrase")
    for start in range(0, messages, BATCH):
        write(texts, [big] * (min(BATCH, messages - start) // 100), 100, moments)
    if is_postgresql():
        run_all([("SET statement_timeout = 0", []), ("SET maintenance_work_mem = '256MB'", [])])
        run_all([(migrations.POSTGRESQL[-1], []), ("ANALYZE", [])])


@transaction.atomic
def write(texts: Texts, owners: list[User], size: int, moments: Iterator[datetime]) -> None:
    """Write a chat of so many messages for each of some owners, and the documents of all of it."""
    chats, rows = [], []
    documents: list[NewDocument] = []
    for owner in owners:
        at = next(moments)
        chat = Chat(id=uuid7(), owner=owner, title=texts.message()[:60], created_at=at, updated_at=at)
        messages = [
            Message(
                chat=chat, number=number, role="user" if number % 2 else "assistant", content=texts.message(),
                created_at=next(moments),
            )
            for number in range(1, size + 1)
        ]  # fmt: skip
        chats.append(chat)
        rows += messages
        documents.append(title_document(owner.pk, chat.pk, chat.title, at))
        documents += [document for message in messages for document in message_documents(owner.pk, message)]
    Chat.objects.bulk_create(chats)
    Message.objects.bulk_create(rows, batch_size=BATCH)
    add_documents(documents)


def indexing_seconds(owner: User, size: int = 2_000) -> float:
    """Return how long a document takes to be written anew among all others, in batches as `manage.py reindex` does."""
    ids = list(Message.objects.filter(chat__owner=owner).order_by("?").values_list("pk", flat=True)[:size])
    started = time.perf_counter()
    for start in range(0, len(ids), AT_ONCE):
        some = Message.objects.filter(pk__in=ids[start : start + AT_ONCE])
        write_messages(list(documents_of(some)), anew=True)
    return (time.perf_counter() - started) / len(ids)


def queries(texts: Texts, dice: random.Random) -> dict[str, Callable[[], str]]:

    def word(first: int, last: int) -> str:
        return texts.words[dice.randrange(first, last)]

    return {
        "a very common word": lambda: word(0, 5),
        "one message in ten": lambda: word(40, 60),
        "a word of rank 1,000": lambda: word(950, 1_050),
        "a rare word": lambda: word(20_000, 50_000),
        "two words": lambda: f"{word(0, 100)} {word(100, 2_000)}",
        "a prefix of four letters": lambda: f"{word(0, 5_000)[:4]}*",
        "a prefix of two letters": lambda: f"{word(0, 5_000)[:2]}*",
        "a phrase": lambda: f'"{word(0, 30)} {word(0, 30)}"',
        "two characters of Japanese": lambda: "".join(dice.choices(KANJI, k=2)),
        "one character of Japanese": lambda: dice.choice(KANJI),
        "is:pinned, with a common word": lambda: f"is:pinned {word(0, 60)}",
        "a word of the replies only": lambda: f"role:assistant {word(40, 2_000)}",
    }


def measured(owners: Callable[[], int], text: Callable[[], str], rounds: int) -> tuple[str, float]:
    """Return median and p95 in ms, by the clock and by this process's CPU, and the results found on average."""
    clock, cpu, found = [], [], 0
    for _ in range(rounds):
        owner, q = owners(), text()
        started = time.perf_counter(), time.thread_time()
        found += len(search(owner, parse_query(q, UTC_ZONE), 20).results)
        clock.append(time.perf_counter() - started[0])
        cpu.append(time.thread_time() - started[1])
    return " | ".join(f"{median(times):.1f} / {percentile(times, 95):.1f}" for times in (clock, cpu)), found / rounds


def median(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


def percentile(seconds: list[float], part: int) -> float:
    return sorted(seconds)[len(seconds) * part // 100] * 1000


def sizes() -> dict[str, float]:
    """Return MB of the texts, and of documents with their terms and indexes."""
    if is_postgresql():
        index = "SELECT pg_total_relation_size('search_document')"
    else:
        index = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%%search_%%' OR name LIKE 'document_%%'"
    text = "SELECT sum(octet_length(content)) FROM chats_message"
    text = text if is_postgresql() else text.replace("octet_length(content)", "length(CAST(content AS BLOB))")
    rows = run_all([(text, []), (index, [])])
    return {name: float(row[0][0] or 0) / 1e6 for name, row in zip(("texts", "index"), rows, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--messages", type=int, default=100_000, help="of the one who has many")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    texts, dice, started = Texts(), random.Random(2), time.perf_counter()
    if not User.objects.exists():
        fill(texts, options.users, options.messages)
    big = User.objects.get(email=BIG)
    filled = time.perf_counter() - started
    small = list(User.objects.exclude(pk=big.pk).order_by("?").values_list("pk", flat=True)[:1000])
    size, documents = sizes(), Document.objects.count()

    print(f"{connection.vendor}: {documents:,} documents, filled in {filled:,.0f} s")
    print(f"texts {size['texts']:,.0f} MB, index {size['index']:,.0f} MB\n")
    print("| ms, p50 / p95 | one with many | of it CPU here | anybody else | of it CPU here |\n|---|---|---|---|---|")
    for name, text in queries(texts, dice).items():
        measured(lambda: big.pk, text, 10)
        many, results = measured(lambda: big.pk, text, options.rounds)
        few, _ = measured(lambda: dice.choice(small), text, options.rounds)
        print(f"| {name} ({results:.0f} found) | {many} | {few} |", flush=True)
    print(f"\nindexing: {1000 * indexing_seconds(big):.2f} ms a message")


if __name__ == "__main__":
    main()
