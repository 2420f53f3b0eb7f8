"""Fixtures of the fault suite: stores, processes, people; `FAULTS=long` runs the long version."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from llm.testing import FakeProvider
from tests.faults.cluster import Cluster
from tests.faults.people import Person
from tests.faults.stores import REDIS, PostgresDatabase, missing_services

_clusters: list[Cluster] = []


@pytest.fixture(scope="session")
def long() -> bool:
    """Tell whether this is the long version, `make faults`."""
    return os.environ.get("FAULTS") == "long"


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="session")
def services() -> None:
    """Skip by name what needs PostgreSQL and Redis where they are not there."""
    if reason := missing_services():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def database(services: None) -> Iterator[PostgresDatabase]:
    with PostgresDatabase() as made:
        yield made


@pytest.fixture(scope="session")
def on_sqlite() -> None:
    """Skip what is about SQLite while the suite runs on PostgreSQL: it has run already."""
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        pytest.skip("runs once, with the suite on SQLite")


def _kept(cluster: Cluster) -> Iterator[Cluster]:
    with cluster:
        _clusters.append(cluster)
        try:
            yield cluster
        finally:
            _clusters.remove(cluster)


@pytest.fixture(scope="session")
def pair(
    database: PostgresDatabase, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Two processes for the whole run; a test that kills one starts it again."""
    folder = tmp_path_factory.mktemp("pair")
    for cluster in _kept(Cluster(folder, provider, database.url, REDIS)):
        cluster.start(2)
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path, provider: FakeProvider) -> Iterator[Callable[..., Cluster]]:
    """Return a maker of clusters that end with the test; the first argument is the address of the database."""
    made: list[Iterator[Cluster]] = []

    def make(database_url: str, redis_url: str = "", **settings: Any) -> Cluster:
        kept = _kept(Cluster(tmp_path / f"cluster{len(made)}", provider, database_url, redis_url, **settings))
        made.append(kept)
        return next(kept)

    yield make
    for kept in made:
        next(kept, None)


@pytest.fixture(scope="session")
def migrated_file(on_sqlite: None, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tables once; each test begins with a copy."""
    folder = tmp_path_factory.mktemp("migrated")
    with Cluster(folder, provider, f"sqlite:///{folder}/db.sqlite3"):
        return folder / "db.sqlite3"


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_file, tmp_path / "db.sqlite3")
    return f"sqlite:///{tmp_path}/db.sqlite3"


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Return the addresses of an empty database, of this run's kind, and of Redis."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        yield request.getfixturevalue("sqlite_url"), ""
        return
    request.getfixturevalue("services")
    with PostgresDatabase() as made:
        yield made.url, REDIS


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
        yield session


@pytest_asyncio.fixture
async def person(pair: Cluster, http: aiohttp.ClientSession) -> Person:
    """Return a new user who knows both processes of the pair."""
    return await Person.register(http, [process.url for process in pair.processes])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the processes' logs with a failure."""
    report = yield
    if report.failed and "tests/faults" in str(item.path):
        report.sections += [("server processes", cluster.logs()) for cluster in _clusters]
    return report
