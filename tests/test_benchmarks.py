"""The benchmarks measure what they say: every reply is checked, and a wrong one is noticed."""

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from benchmarks import quick, report, texts
from benchmarks.doors import AI_SDK, RELAY, REST, SOCKET, SSE, Door, WrongAnswer
from benchmarks.load import Answer, Client, Connection, dechunked
from benchmarks.results import Figure, load, percentile, save
from benchmarks.servers import fake_provider
from benchmarks.sockets import Socket
from benchmarks.streaming import arrivals
from conftest import Person

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with fake_provider() as (_, base):
        yield base


def asked(door: Door, port: int, person: dict[str, Any], count: int, pace: int = 0) -> Answer:
    async def ask() -> Answer:
        client = door.connect(port, person)
        answer = await client.send(door.ask(person, count, pace))
        client.close()
        await asyncio.sleep(0)
        return answer

    return asyncio.run(ask())


def straight(provider: str, count: int, pace: int = 0) -> Answer:
    """Ask the provider itself."""
    return asked(RELAY, int(provider.split(":")[2].split("/")[0]), {}, count, pace)


@pytest.mark.parametrize("door", [SSE, REST, AI_SDK, SOCKET], ids=lambda door: door.name)
@pytest.mark.parametrize("pace", [0, 1])
def test_the_doors_carry_what_the_provider_said(
    door: Door, pace: int, live: str, alice: Person, provider: str, settings: Any
) -> None:
    settings.OPENAI_BASE_URL = provider
    person = {"access": alice.token, "chats": [alice.chat(model="openai/gpt-6-luna")]}

    answer = asked(door, int(live.rpartition(":")[2]), person, 30, pace)

    door.check(answer, 30, pace)
    with pytest.raises(WrongAnswer):
        door.check(answer, 31, pace)


def test_a_changed_byte_is_noticed(provider: str) -> None:
    answer = straight(provider, 20)
    RELAY.check(answer, 20)
    answer.raw = answer.raw.replace(b"tok0007", b"tok0008")
    with pytest.raises(WrongAnswer):
        RELAY.check(answer, 20)


def test_a_changed_or_missing_paced_token_is_noticed(provider: str) -> None:
    whole = RELAY.text_of(straight(provider, 20, 1).body).encode()
    assert texts.is_whole(whole, 20)
    assert not texts.is_whole(whole, 21)
    assert not texts.is_whole(whole[:30] + b"9" + whole[31:], 20)
    assert not texts.is_whole(whole[14:], 19)


def test_tokens_are_timed_from_leaving_to_arriving(provider: str) -> None:
    moments = arrivals(straight(provider, 20, 5))
    assert len(moments) == 19  # the last one is the checksum
    assert all(left - 0.001 <= came for came, left in moments)
    assert [came for came, _ in moments] == sorted(came for came, _ in moments)


@pytest.mark.parametrize("size", range(1, len(CHUNKED)))
def test_an_answer_may_be_cut_anywhere(size: int) -> None:
    async def read() -> Answer:
        connection = Connection()
        connection.transport = type("Nowhere", (), {"write": lambda self, data: None})()
        waiting = connection.send(b"")
        for at in range(0, len(CHUNKED), size):
            connection.data_received(CHUNKED[at : at + size])
        return await asyncio.wait_for(waiting, 1)

    answer = asyncio.run(read())
    assert (answer.status, answer.body) == (200, b"hello!")
    assert dechunked(b"0\r\n\r\n") == b""


@pytest.mark.parametrize("length", [1, 125, 126, 65_535, 65_536])
def test_frames_of_every_size_are_read(length: int) -> None:
    bytes_of_size = 0 if length < 126 else 2 if length < 65_536 else 8
    first = {0: length, 2: 126, 8: 127}[bytes_of_size]
    size = length.to_bytes(bytes_of_size, "big") if bytes_of_size else b""
    wire = bytes([0x81, first]) + size + b"a" * length

    async def read() -> list[bytes]:
        socket = Socket(b"never")
        socket.opened.set_result(None)
        for start, end in pairwise((0, 1, 2, 3, 5, len(wire))):
            socket.data_received(wire[start:end])
        return socket.parts

    assert asyncio.run(read()) == [b"a" * length]


def test_a_server_that_closes_early_is_an_error() -> None:
    async def meet() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(ConnectionResetError):
                await Client(port).send(b"GET / HTTP/1.1\r\n\r\n")
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(meet())


def test_percentiles() -> None:
    assert [percentile(range(100), share) for share in (0, 50, 99)] == [0, 50, 99]
    assert percentile([], 99) == 0


def test_figures_replace_those_of_the_same_case(tmp_path: Any) -> None:
    file = tmp_path / "results.jsonl"
    save([Figure("turn", "old", "ms", [1]), Figure("stream", "kept", "ms", [1])], file)
    save([Figure("turn", "new", "ms", [2, 4, 3], floor=[1], baselines={"DRF": [9]})], file)
    assert [figure.name for figure in load(file)] == ["kept", "new"]
    assert (load(file)[1].value, load(file)[1].ratio) == (3, 3)


def test_a_table_row_tells_figure_floor_and_baseline() -> None:
    row = Figure("turn", "SSE", "ms", [2, 4, 3], floor=[1], baselines={"DRF": [9]}, target="≤ 2 ms", met=False)
    table = report.section("Turns", "About turns.", [row])
    assert "| SSE | 3 ms | 2–4 | 1 ms | 3.00 | 9 ms (3.0 × ours) | ≤ 2 ms | **no** |" in table


def test_only_a_gross_regression_fails(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "RECORDED", tmp_path / "recorded.json")
    quick.RECORDED.write_text(json.dumps({"sqlite": 10.0}))
    assert quick.compared({"floor": 1.0, "sqlite": 19.9}, record=False) == 0
    assert quick.compared({"floor": 1.0, "sqlite": 20.1}, record=False) == 1
    assert quick.compared({"floor": 1.0, "sqlite": 5.0}, record=True) == 0
    assert json.loads(quick.RECORDED.read_text()) == {"sqlite": 5.0}
