"""How a turn is asked for through each door, and how its answer is checked byte for byte."""

import html
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks import texts
from benchmarks.load import Answer, Client, request
from benchmarks.sockets import SocketClient

Person = dict[str, Any]
_numbers = itertools.count()


class WrongAnswer(AssertionError):
    """A reply that is not what the provider said."""


def http_client(port: int, person: Person) -> Client:
    return Client(port)


@dataclass(frozen=True)
class Door:
    """`ask` makes the request of a turn, `text_of` finds the reply in what came, `connect` gives who sends it."""

    name: str
    ask: Callable[[Person, int, int], bytes]
    text_of: Callable[[bytes], str]
    status: int = 200
    connect: Callable[[int, Person], Any] = http_client

    def check(self, answer: Answer, count: int, pace: int = 0) -> None:
        """Raise WrongAnswer unless the whole reply arrived unchanged."""
        if answer.status != self.status:
            raise WrongAnswer(f"{self.name}: {answer.status} {answer.body[:300]!r}")
        found = self.text_of(answer.body)
        if not (texts.is_whole(found.encode(), count) if pace else found == texts.text(count)):
            raise WrongAnswer(f"{self.name}: {found[:200]!r}")


def data_of(body: bytes) -> list[Any]:
    """Return the JSON of each event of a stream."""
    lines = (line[6:] for line in body.split(b"\n") if line.startswith(b"data: "))
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


def bearer(person: Person, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {person['access']}"), *more]


def messages_path(person: Person) -> str:
    return f"/api/chats/{person['chats'][0]}/messages/"


def send_body(count: int, pace: int) -> bytes:
    return orjson.dumps({"content": texts.prompt(count, pace)})


def joined(deltas: list[Any], end: Any) -> str:
    """Join deltas, cut as clients cut; the end must agree with them."""
    found = ""
    for delta in deltas:
        found = found[: delta["at"]] + delta["text"]
    if end["message"]["content"] != found or end["message"]["state"] != "complete":
        raise WrongAnswer(f"the end does not agree: {end}")
    return found


# --- REST and plain SSE ---------------------------------------------------------------------------------------------
def ask_rest(person: Person, count: int, pace: int) -> bytes:
    return request("POST", messages_path(person), send_body(count, pace), bearer(person))


def ask_sse(person: Person, count: int, pace: int) -> bytes:
    headers = bearer(person, ("Accept", "text/event-stream"))
    return request("POST", messages_path(person), send_body(count, pace), headers)


def text_of_rest(body: bytes) -> str:
    return str(orjson.loads(body)["reply"]["content"])


def text_of_sse(body: bytes) -> str:
    events = [event for event in data_of(body) if "at" in event]
    return joined(events[:-1], events[-1])


# --- AI SDK ---------------------------------------------------------------------------------------------------------
def ask_ai_sdk(person: Person, count: int, pace: int) -> bytes:
    text = {"type": "text", "text": texts.prompt(count, pace)}
    message = {"id": f"bench{next(_numbers)}", "role": "user", "parts": [text]}
    body = {"id": person["chats"][0], "messages": [message], "trigger": "submit-message"}
    return request("POST", "/api/chat", orjson.dumps(body), bearer(person))


def text_of_ai_sdk(body: bytes) -> str:
    if not body.endswith(b"data: [DONE]\n\n"):
        raise WrongAnswer(f"no end: {body[-200:]!r}")
    return "".join(event["delta"] for event in data_of(body) if event["type"] == "text-delta")


# --- OpenAI-compatible, and the relays that speak the same ----------------------------------------------------------
def openai_body(count: int, pace: int) -> bytes:
    body = {
        "model": "gpt-6-luna", "stream": True, "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": texts.prompt(count, pace)}],
    }  # fmt: skip
    return orjson.dumps(body)


def ask_openai(person: Person, count: int, pace: int) -> bytes:
    headers = [("Authorization", f"Bearer {person['key']}")]
    return request("POST", "/v1/chat/completions", openai_body(count, pace), headers)


def ask_relay(person: Person, count: int, pace: int) -> bytes:
    return request("POST", "/", openai_body(count, pace))


def text_of_openai(body: bytes) -> str:
    choices = (event["choices"] for event in data_of(body) if event.get("choices"))
    return "".join(choice[0]["delta"].get("content") or "" for choice in choices)


# --- WebSockets -----------------------------------------------------------------------------------------------------
def ask_socket(person: Person, count: int, pace: int) -> bytes:
    content = texts.prompt(count, pace)
    wanted = {"type": "send", "chat": person["chats"][0], "content": content, "key": f"bench{next(_numbers)}"}
    return orjson.dumps(wanted)


def text_of_socket(body: bytes) -> str:
    frames = [orjson.loads(line) for line in body.split(b"\n")]
    deltas = [frame for frame in frames if frame["type"] == "delta"]
    return joined(deltas, frames[-1])


def socket_client(port: int, person: Person) -> SocketClient:
    hello = orjson.dumps({"type": "auth", "token": person["access"]})
    return SocketClient(port, "/ws/chats/", [], hello, b'"type":"end"')


def ask_page(person: Person, count: int, pace: int) -> bytes:
    return orjson.dumps({"do": "send", "message": texts.prompt(count, pace), "key": f"bench{next(_numbers)}"})


def text_of_page(body: bytes) -> str:
    """Return what stands in the last paragraph painted; a screen reader is told the same."""
    shown = html.unescape(body.rpartition(b"<p>")[2].partition(b"</p>")[0].decode())
    if f"Answer: {shown}" not in html.unescape(body.decode()) and len(shown) < 600:
        raise WrongAnswer(f"not announced: {body[-600:]!r}")
    return shown if shown.startswith("0000:") else shown + " "  # Markdown drops the space at the end


def page_client(port: int, person: Person) -> SocketClient:
    path = f"/ws/chats/{person['chats'][0]}/page/"
    headers = [("Cookie", f"sessionid={person['browser']}"), ("Origin", f"http://127.0.0.1:{port}")]
    return SocketClient(port, path, headers, b"", b"Answer: ")


SSE = Door("plain SSE", ask_sse, text_of_sse)
REST = Door("REST", ask_rest, text_of_rest, 201)
AI_SDK = Door("AI SDK", ask_ai_sdk, text_of_ai_sdk)
OPENAI = Door("OpenAI-compatible", ask_openai, text_of_openai)
SOCKET = Door("WebSocket", ask_socket, text_of_socket, connect=socket_client)
PAGE = Door("page", ask_page, text_of_page, connect=page_client)
RELAY = Door("relay", ask_relay, text_of_openai)
DOORS = [SSE, REST, AI_SDK, SOCKET, PAGE, OPENAI]
