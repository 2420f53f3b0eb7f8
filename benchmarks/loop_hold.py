"""How long a body at its door's limit holds the event loop: python -m benchmarks.loop_hold [sqlite|postgresql] [door …]

A server of its own; on its loop a task sleeps for a millisecond again and again and notes how late it wakes, as far as
the process was at work meanwhile: while it had no core, others are to blame. A line is the median of several requests'
longest waits, and each of them; on a busy machine the high ones are the machine's, as in the line `nothing`.
"""

import asyncio
import contextlib
import hashlib
import hmac
import io
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

PATH, SECRET = "/loop-hold", "stream-secret"
MIB = 2**20
TIMES = 5
PAGE_ENDS = re.compile(r"Answer: |no valid|invalid|could not|wrong|too |alert")
worst = 0.0


# --- inside the server -----------------------------------------------------------------------------------------------
async def watch() -> None:
    """Note the longest that the loop kept a sleeper waiting."""
    global worst
    while True:
        before, used = time.monotonic(), time.process_time()
        await asyncio.sleep(0.001)
        worst = max(worst, min(time.monotonic() - before - 0.001, time.process_time() - used))


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Parley's own application, and an address that tells the longest wait since it was asked last."""
    global worst
    from config.asgi import application as parley

    if scope.get("path") != PATH:
        if scope["type"] == "lifespan":
            scope["watching"] = asyncio.create_task(watch())
        await parley(scope, receive, send)
        return
    told, worst = str(worst).encode(), 0.0
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told})


def serve(port: int) -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # others on the machine are not to be measured
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    import uvicorn

    from config.server import listening_socket, server_config

    config = server_config("127.0.0.1", port)
    config.app = "benchmarks.loop_hold:application"
    uvicorn.Server(config).run([listening_socket(config)])


# --- outside ---------------------------------------------------------------------------------------------------------
def text(size: int) -> str:
    """Return so many characters of one to four bytes."""
    return ("Grüße, 日本語 and 🦊. " * (size // 16))[:size]


def messages(total: int, each: int) -> Iterator[dict[str, str]]:
    """Give messages of so many characters each, of so many bytes in all."""
    content = text(each)
    for number in range((total // (len(content.encode()) + 100) - 1) // 2 * 2 + 1):
        yield {"role": "assistant" if number % 2 else "user", "content": content}


def brackets(size: int) -> bytes:
    return b"[" + b"[]," * (size // 3) + b"[]]"


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def ui_messages(total: int, each: int) -> list[dict[str, Any]]:
    return [
        {"id": f"m{uuid4().hex}", "role": row["role"], "parts": [{"type": "text", "text": row["content"]}]}
        for row in messages(total, each)
    ]


def picture(side: int, pixels: bytes) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(written, "PNG")
    return written.getvalue()


def noise(side: int) -> bytes:
    """Return a picture that no coding makes smaller: the limit in bytes."""
    return picture(side, os.urandom(3 * side * side))


def plain(side: int) -> bytes:
    """Return a picture that is small as a file: the limit in pixels."""
    return picture(side, bytes(3 * side * side))


class Doors:
    """Every door that takes a body, and what is sent to it; sizes in bytes of UTF-8, a little below the limit."""

    def __init__(self, base: str, person: dict[str, Any]) -> None:
        import httpx

        self.http, self.base, self.person = httpx.Client(base_url=base, timeout=120), base, person
        self.bearer = {"Authorization": f"Bearer {person['access']}", "Content-Type": "application/json"}
        self.key = {"Authorization": f"Bearer {person['key']}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return self.http.post(path, content=body, headers=headers or self.bearer).status_code

    def frame(self, body: bytes) -> Any:
        from websockets.sync.client import connect

        address = self.base.replace("http", "ws") + "/ws/chats/"
        with connect(address, additional_headers={"Origin": self.base}, max_size=None) as socket:
            socket.send(json.dumps({"type": "auth", "token": self.person["access"]}))
            while json.loads(socket.recv())["type"] != "ready":
                pass
            socket.send(body.decode())
            while (kind := json.loads(socket.recv()))["type"] not in ("end", "error"):
                pass
            return kind.get("code", kind["type"])

    def page_frame(self, chat: str, body: bytes) -> Any:
        from websockets.sync.client import connect

        address = f"{self.base.replace('http', 'ws')}/ws/chats/{chat}/page/"
        headers = {"Origin": self.base, "Cookie": f"sessionid={self.person['browser']}"}
        with connect(address, additional_headers=headers, max_size=None) as socket:
            socket.send(body.decode())
            while (told := PAGE_ENDS.search(socket.recv())) is None:
                pass
            return told[0]

    def page_form(self, path: str, fields: dict[str, str]) -> Any:
        token = "c" * 32
        headers = {"Cookie": f"sessionid={self.person['browser']}; csrftoken={token}", "X-CSRFToken": token}
        return self.http.post(path, data=fields, headers=headers).status_code

    def tool(self, arguments: bytes) -> Any:
        call = b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "save_note", "arguments": %b}}'
        headers = {"Authorization": f"Bearer {self.person['app']}", "MCP-Protocol-Version": "2025-11-25",
                   "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}  # fmt: skip
        return self.post("/mcp", call % arguments, headers)

    def avatar(self, picture: bytes) -> Any:
        headers = {"Authorization": self.bearer["Authorization"]}
        return self.http.put("/api/profile/avatar/", files={"avatar": picture}, headers=headers).status_code

    def hook(self, body: bytes) -> Any:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Api-Key": "stream-key", "X-Signature": signature, "Content-Type": "application/json"}
        return self.post("/webhooks/stream/", body, headers)

    def all(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        chat = self.person["chats"][0]
        rest, v1, frame = f"/api/chats/{chat}/messages/?wait=true", "/v1/chat/completions", {"chat": chat}
        big, more = 31 * MIB, text(MIB * 3 // 4)
        yield "nothing", lambda: self.http.get("/healthz").status_code
        for name, key in (("rest", {}), ("rest, key", {"Idempotency-Key": uuid4().hex})):
            body = dumped({"content": text(262_144), "more": more})
            yield name, lambda body=body, key=key: self.post(rest, body, self.bearer | key)
        yield "rest, brackets", lambda: self.post(rest, b'{"content": ' + brackets(2 * MIB - 100) + b"}")
        yield "rest, half pairs", lambda: self.post(rest, b'{"content": "' + rb"\ud83d" * (2 * MIB // 7) + b'"}')
        yield "prompt_gpt", lambda: self.post("/prompt_gpt/", dumped({"chat_id": chat, "content": text(262_144)}))
        for each in (3000, 250_000):
            ui = dumped({"id": f"ui{each}", "messages": ui_messages(big, each)})
            yield f"/api/chat, {each} a message", lambda ui=ui: self.post("/api/chat", ui)
        alone = {"role": "user", "parts": [{"type": "file", "url": "x" * big}]}
        yield "/api/chat, one message", lambda: self.post("/api/chat", dumped({"id": "one", "messages": [alone]}))
        yield "/api/chat, brackets", lambda: self.post("/api/chat", b'{"messages": ' + brackets(big) + b"}")
        for store in (False, True):
            for each in (3000, 250_000):
                asked = {"model": "openai", "store": store, "messages": list(messages(big, each))}
                body, key = dumped(asked), {"Idempotency-Key": uuid4().hex} if store else {}
                name = f"/v1, {each} a message" + ", stored" * store
                yield name, lambda body=body, key=key: self.post(v1, body, self.key | key)
        yield "/v1, brackets", lambda: self.post(v1, b'{"messages": ' + brackets(big) + b"}", self.key)
        yield "frame", lambda: self.frame(dumped({"type": "send", "content": text(262_144), "key": "k", **frame}))
        yield "frame, brackets", lambda: self.frame(b'{"type": "send", "content": ' + brackets(MIB - 100) + b"}")
        for name, arguments in (("", dumped({"content": text(262_144)})), (", brackets", brackets(2 * MIB - 400)),
                                (", more", dumped({"content": "x", "tags": [text(20)] * 40_000}))):  # fmt: skip
            yield f"mcp{name}", lambda arguments=arguments: self.tool(arguments)
        long, crowded = dumped({"do": "send", "message": text(262_144)}), b'{"message": ' + brackets(MIB - 100) + b"}"
        yield "page frame", lambda: self.page_frame(str(uuid4()), long)
        yield "page frame, brackets", lambda: self.page_frame(str(uuid4()), crowded)
        yield "page, long chat", lambda: self.page_frame(chat, crowded)
        yield "page form", lambda: self.page_form(f"/chats/{uuid4()}/send/", {"message": text(262_144)})
        for name, picture in (("", noise(1300)), (", large", plain(4999))):
            yield f"avatar{name}", lambda picture=picture: self.avatar(picture)
        yield "oauth form", lambda: self.page_form("/oauth/token/", {"grant_type": "password", "code": text(18_000)})
        yield "oauth form, fields", lambda: self.page_form("/oauth/token/", {f"f{n}": text(20) for n in range(600)})
        message = {"command": "none", "args": text(262_144), "more": more}
        yield "stream's hook", lambda: self.hook(dumped({"message": message}))
        yield "stream's hook, brackets", lambda: self.hook(b'{"message": ' + brackets(2 * MIB - 100) + b"}")
        yield "notes", lambda: self.post("/api/notes/", dumped({"content": text(262_144), "title": "x"}))
        yield "notes, brackets", lambda: self.post("/api/notes/", b'{"content": ' + brackets(2 * MIB - 100) + b"}")


def measure(kind: str, wanted: list[str]) -> None:
    from benchmarks.parley import environment, fresh_database, seed
    from benchmarks.servers import ROOT, free_port, running

    with tempfile.TemporaryDirectory() as name, fresh_database(kind, Path(name)) as database:
        import subprocess

        folder, fake, port = Path(name), free_port(), free_port()
        env = environment(
            f"http://127.0.0.1:{fake}/v1", database, STREAM_API_KEY="stream-key", STREAM_API_SECRET=SECRET
        )
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
        person = seed(env, people=1, chats=1)[0]
        provider = [sys.executable, "-m", "llm.testing", "--port", str(fake)]
        server = [sys.executable, "-m", "benchmarks.loop_hold", "serve", str(port)]
        with running(provider, env, fake, folder / "fake.log", None), running(server, env, port, folder / "log", None):
            doors = Doors(f"http://127.0.0.1:{port}", person)
            for door, ask in doors.all():
                if wanted and not any(door.startswith(part) for part in wanted):
                    continue
                answers = {str(ask())}  # what is done once is done
                held = []
                for _ in range(TIMES):
                    doors.http.get(PATH)
                    answers.add(str(ask()))
                    held.append(1000 * float(doors.http.get(PATH).text))
                each = " ".join(f"{one:.1f}" for one in sorted(held))
                line = f"{kind:10} {door:32} {statistics.median(held):8.1f} ms   of {each}   {' '.join(answers)}"
                print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        database = sys.argv[1] if sys.argv[1:] else "sqlite"
        measure(database, sys.argv[2:])
