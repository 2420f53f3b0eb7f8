"""Each metric moves when it should, as a scrape of a real server tells; what was counted outlives its process."""

import asyncio
import os
import re
import signal
import uuid
from collections.abc import Callable

import aiohttp
import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from chats.tests.helpers import eventually
from tests.faults.cluster import Cluster
from tests.faults.people import Person, prompt
from tests.faults.stores import REDIS, PostgresDatabase, free_port

TOKEN = "scrape-" + "x" * 20
MODEL = {"provider": "openai", "model": "gpt-6-luna"}
MESSAGES = "/api/chats/<anyuuid:chat_id>/messages"


class Scraper:
    """Reads the port that the parent serves."""

    def __init__(self) -> None:
        self.port = free_port()

    def text(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=20).raise_for_status().text

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        samples = [one for family in text_string_to_metric_families(self.text()) for one in family.samples]
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    def reaches(self, least: float, name: str, **labels: str) -> bool:
        return eventually(lambda: self.value(name, **labels) >= least)

    def falls(self, most: float, name: str, **labels: str) -> bool:
        return eventually(lambda: self.value(name, **labels) <= most)


@pytest.fixture
def scraper() -> Scraper:
    return Scraper()


@pytest.fixture
def single(cluster: Callable[..., Cluster], sqlite_url: str, scraper: Scraper) -> Cluster:
    made = cluster(
        sqlite_url, METRICS_PORT=scraper.port, METRICS_TOKEN=TOKEN, PROVIDER_RETRIES=1, DEFAULT_MODEL="gpt-6-luna"
    )
    made.start()
    return made


@pytest_asyncio.fixture
async def alice(single: Cluster, http: aiohttp.ClientSession) -> Person:
    return await Person.register(http, [single.processes[0].url])


async def _say(person: Person, content: str) -> None:
    answer = await person.call(
        "POST", person.bases[0], f"/api/chats/{await person.chat()}/messages/", {"content": content}
    )
    assert answer.status in (201, 502, 503), answer


@pytest.mark.asyncio
async def test_what_a_turn_comes_to_is_counted(single: Cluster, alice: Person, scraper: Scraper) -> None:
    single.sql("UPDATE llm_model SET input_price = 1000000, output_price = 1000000 WHERE model_id = 'gpt-6-luna'")
    await asyncio.sleep(0)
    before = scraper.value("parley_http_requests_total", route=MESSAGES, method="POST", status="201")

    await _say(alice, prompt(uuid.uuid4().hex, size=200, chunk=10, delay=0.03))

    assert scraper.value("parley_turns_total", state="complete", **MODEL) == 1
    assert scraper.value("parley_provider_calls_total", error="", **MODEL) == 1
    assert scraper.value("parley_first_text_seconds_count", **MODEL) == 1
    assert scraper.value("parley_text_gap_seconds_count", **MODEL) >= 19
    assert scraper.value("parley_text_gap_seconds_sum", **MODEL) > 0.03 * 10
    assert scraper.value("parley_tokens_total", kind="input", **MODEL) > 0
    assert scraper.value("parley_tokens_total", kind="output", **MODEL) > 0
    assert scraper.value("parley_flush_seconds_count") >= 1
    assert scraper.value("parley_http_requests_total", route=MESSAGES, method="POST", status="201") == before + 1
    assert scraper.value("parley_http_answer_seconds_count", route=MESSAGES) == before + 1
    assert scraper.reaches(1, "parley_processes")
    assert scraper.reaches(1, "parley_resident_bytes")


@pytest.mark.asyncio
async def test_prices_retries_fallbacks_and_the_breaker_show(single: Cluster, alice: Person, scraper: Scraper) -> None:
    ids = [row[0] for row in single.sql("SELECT model_id FROM llm_model WHERE model_id LIKE 'gpt%' ORDER BY 1")]
    other = next(each for each in ids if each != "gpt-6-luna")
    single.sql(
        "UPDATE llm_model SET input_price = 1000000, output_price = 1000000, fallbacks = ? WHERE model_id = ?",
        f'["openai/{other}"]', "gpt-6-luna",
    )  # fmt: skip
    single.processes[0].kill()
    single.start()
    alice.bases = [single.processes[-1].url]

    await _say(alice, "hello")
    assert scraper.value("parley_cost_total", **MODEL) > 0
    for _ in range(3):
        await _say(alice, prompt(uuid.uuid4().hex, status=503))

    assert scraper.value("parley_provider_retries_total", **MODEL) >= 2
    assert scraper.value("parley_provider_calls_total", error="provider_busy", **MODEL) >= 4
    assert scraper.value("parley_fallbacks_total", asked="openai/gpt-6-luna") >= 1
    assert scraper.value("parley_turns_total", state="failed") >= 1
    assert scraper.reaches(1, "parley_breaker_open", provider="openai")


@pytest.mark.asyncio
async def test_what_runs_is_open_or_waits_is_gauged(single: Cluster, alice: Person, scraper: Scraper) -> None:
    reader = await alice.started(
        alice.bases[0], await alice.chat(), prompt(uuid.uuid4().hex, size=4000, chunk=10, delay=0.05)
    )
    reading = asyncio.create_task(reader.read(alice.http, alice.bases[0]))
    for name, labels in (
        ("parley_running_turns", {}), ("parley_readers", {"kind": "stream"}),
        ("parley_unfinished_turns", {"state": "streaming"}),
    ):  # fmt: skip
        assert await asyncio.to_thread(scraper.reaches, 1, name, **labels), name
    assert await asyncio.to_thread(scraper.reaches, 0.001, "parley_unsaved_seconds")
    single.sql(
        "INSERT INTO common_task (id, task_path, queue_name, args_kwargs, status, attempts, lease_owner, "
        "correlation_id, error, run_after) VALUES (?, 'none', 'nobody', '{}', 'READY', 0, '', '', '', "
        "'2020-01-01 00:00:00')", uuid.uuid4().hex,
    )  # fmt: skip

    assert scraper.value("parley_tasks", status="ready") == 1
    assert scraper.value("parley_oldest_task_seconds") > 86_400
    assert scraper.value("parley_database_up") == 1

    await alice.stop(alice.bases[0], reader.chat)
    await reading
    assert await asyncio.to_thread(scraper.falls, 0, "parley_running_turns")
    assert await asyncio.to_thread(scraper.falls, 0, "parley_readers")
    assert scraper.value("parley_turns_total", state="stopped", **MODEL) == 1


@pytest.mark.asyncio
async def test_a_turn_whose_process_is_gone_is_counted(single: Cluster, alice: Person, scraper: Scraper) -> None:
    chat = await alice.chat()
    await alice.begin(alice.bases[0], chat, prompt(uuid.uuid4().hex, size=4000, chunk=10, delay=0.05))
    single.processes[0].kill()
    single.start()

    assert await asyncio.to_thread(scraper.reaches, 1, "parley_expired_turns_total", was="streaming")


def test_the_main_port_asks_for_the_token(single: Cluster, scraper: Scraper) -> None:
    url = single.processes[0].url + "/metrics"
    wrong = [
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
    ]

    assert [httpx.get(url, headers=headers).status_code for headers in wrong] == [401] * 4
    assert "parley_database_up 1.0" in httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert httpx.get(f"http://127.0.0.1:{scraper.port}/admin/").status_code == 404


def test_strange_paths_and_methods_make_no_series(single: Cluster, scraper: Scraper) -> None:
    url = single.processes[0].url
    for index in range(20):
        httpx.get(f"{url}/strange-{index}/")
        httpx.request(f"STRANGE{index}", f"{url}/api/strange-{index}/")
        httpx.get(f"{url}/api/chats/{uuid.uuid4()}/")

    assert "strange" not in scraper.text().lower()
    series = re.findall(r"^parley_http_requests_total\{.*", scraper.text(), re.MULTILINE)
    assert len(series) < 10


def test_without_settings_there_is_none(single: Cluster) -> None:
    code = (
        "import config.asgi, sys; from django.urls import resolve; "
        "print(['prometheus_client' in sys.modules, resolve('/metrics').route])"
    )
    done = single.manage("shell", "--no-imports", "-c", code, METRICS_PORT="", METRICS_TOKEN="")

    assert done.stdout.strip() == "[False, '']", done.stderr  # the route of all that is no address


@pytest.mark.asyncio
async def test_counts_outlive_a_killed_worker(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession, scraper: Scraper
) -> None:
    (parent,) = cluster(database.url, REDIS, WEB_CONCURRENCY=2, METRICS_PORT=scraper.port).start()
    ready = re.compile(r"process (\d+) takes requests")
    eventually(lambda: len(ready.findall(parent.tail())) == 2)
    person = await Person.register(http, [parent.url])
    for _ in range(8):
        await _say(person, "hello")
    assert await asyncio.to_thread(scraper.reaches, 1, "parley_database_pool", state="open")
    assert await asyncio.to_thread(scraper.reaches, 2, "parley_processes")
    assert scraper.value("parley_turns_total", state="complete") == 8

    for pid in ready.findall(parent.tail()):
        os.kill(int(pid), signal.SIGKILL)
    await asyncio.to_thread(eventually, lambda: len(ready.findall(parent.tail())) == 4)

    assert scraper.value("parley_turns_total", state="complete") == 8
    assert await asyncio.to_thread(scraper.reaches, 2, "parley_processes")
    assert scraper.value("parley_processes") == 2
    await _say(person, "hello")
    assert scraper.value("parley_turns_total", state="complete") == 9
