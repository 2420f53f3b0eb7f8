"""Starting the floor and the baselines, and the doors through which they are used."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks import texts
from benchmarks.doors import Door, Person, WrongAnswer, bearer
from benchmarks.load import request
from benchmarks.parley import fresh_database
from benchmarks.servers import ROOT, Process, free_port, running
from benchmarks.sockets import SocketClient


@dataclass
class App:
    """A running baseline."""

    port: int
    process: Process
    people: list[Person]
    env: dict[str, str]


def uvicorn(application: str, port: int) -> list[str]:
    """Return the server, loop and parser that we use ourselves."""
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    return [sys.executable, "-m", "uvicorn", application, "--port", str(port), *options]


@contextmanager
def relay(module: str, provider: str, folder: Path) -> Iterator[App]:
    """Run `floor` or `sdk`."""
    port, env = free_port(), {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": provider}
    command = uvicorn(f"benchmarks.baselines.{module}:application", port)
    with running(command, env, port, folder / f"{module}.log") as process:
        yield App(port, process, [], env)


@contextmanager
def tutorial(name: str, provider: str, kind: str, folder: Path, **people: Any) -> Iterator[App]:
    """Run `drf` (gunicorn with threads) or `channels` (uvicorn) over a fresh database with some people."""
    with fresh_database(kind, folder) as database:
        port = free_port()
        env = {
            "PATH": os.environ["PATH"], "OPENAI_BASE_URL": provider, "DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "benchmarks.baselines.drf.settings",
        }  # fmt: skip
        made = seed(env, people)
        with running(commands(name, port), env, port, folder / f"{name}.log") as process:
            yield App(port, process, made, env)


def commands(name: str, port: int) -> list[str]:
    if name == "channels":
        return uvicorn("benchmarks.baselines.channels_tutorial.asgi:application", port)
    wsgi = ["benchmarks.baselines.drf.wsgi:application", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    return [sys.executable, "-m", "gunicorn", *wsgi, "--workers", "1", "--threads", "16"]


def seed(env: dict[str, str], people: dict[str, Any]) -> list[Person]:
    command = [sys.executable, "-m", "benchmarks.baselines.drf.seed", json.dumps(people)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return list(json.loads(done.stdout))


def ask_drf(person: Person, count: int, pace: int) -> bytes:
    body = {"chat_id": person["chats"][0], "content": texts.prompt(count, pace)}
    return request("POST", "/prompt/", orjson.dumps(body), bearer(person))


def ask_channels(person: Person, count: int, pace: int) -> bytes:
    return orjson.dumps({"chat": person["chats"][0], "content": texts.prompt(count, pace)})


def text_of_channels(body: bytes) -> str:
    frames = [orjson.loads(line) for line in body.split(b"\n")]
    if frames[-1]["type"] != "end":
        raise WrongAnswer(str(frames[-1]))
    return "".join(frame["text"] for frame in frames if frame["type"] == "delta")


def channels_client(port: int, person: Person) -> SocketClient:
    return SocketClient(port, f"/ws/chat/?token={person['access']}", [], b"", b'"type": "end"')


DRF = Door("DRF tutorial", ask_drf, lambda body: str(orjson.loads(body)["reply"]), 201)
CHANNELS = Door("Channels tutorial", ask_channels, text_of_channels, connect=channels_client)
