"""The fake provider's server: routes, records, and which script answers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import web

from llm.testing.anthropic import AnthropicDialect
from llm.testing.dialect import Call, Dialect, Rejected, check_fields, encoded
from llm.testing.encoding import frames
from llm.testing.gemini import GeminiDialect
from llm.testing.moderations import verdict
from llm.testing.openai import OpenAIDialect
from llm.testing.record import Journal, Record
from llm.testing.responses import ResponsesDialect
from llm.testing.script import PLAIN, Script, directive
from llm.testing.streamer import FOREVER, Cut, send

JOURNAL = web.AppKey("journal", Journal)
DIALECTS: dict[str, Dialect] = {
    "openai": OpenAIDialect(),
    "responses": ResponsesDialect(),
    "anthropic": AnthropicDialect(),
    "gemini": GeminiDialect(),
}
GEMINI_MODELS = (
    ("gemini-3.5-flash-lite", "generateContent"),
    ("gemini-embedding-2", "embedContent"),
    ("gemini-3.8-flash", "generateContent"),
)
MODELS = ("gpt-6-luna", "gpt-5.6-terra", "gpt-5.6-sol")
MAX_BODY = 64 * 1024 * 1024
REQUEST_ID = {"x-request-id": "req_fake"}


def make_app(journal: Journal) -> web.Application:
    """Build the application; run it with `handler_cancellation`, or nobody notices who leaves."""
    app = web.Application(client_max_size=MAX_BODY)
    app[JOURNAL] = journal
    app.router.add_post("/v1/chat/completions", openai_chat)
    app.router.add_post("/v1/responses", openai_responses)
    app.router.add_post("/v1/messages", anthropic_messages)
    app.router.add_post("/v1/moderations", moderations)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/v1/models/{id}", model)
    app.router.add_get("/v1beta/models", gemini_models)
    app.router.add_post("/{version:v1|v1beta}/models/{call:.+:(?:streamG|g)enerateContent}", gemini_chat)
    app.router.add_route("*", "/_elsewhere", elsewhere)
    app.router.add_post("/_script", queue_script)
    app.router.add_get("/_requests", list_requests)
    app.router.add_delete("/_requests", clear)
    app.router.add_get("/_open", count_open)
    return app


async def openai_chat(request: web.Request) -> web.StreamResponse:
    return await _chat(request, "openai")


async def openai_responses(request: web.Request) -> web.StreamResponse:
    return await _chat(request, "responses")


async def anthropic_messages(request: web.Request) -> web.StreamResponse:
    return await _chat(request, "anthropic")


async def gemini_chat(request: web.Request) -> web.StreamResponse:
    return await _chat(request, "gemini")


async def _chat(request: web.Request, vendor: str) -> web.StreamResponse:
    """Record a request, choose its script, answer by it."""
    dialect, journal = DIALECTS[vendor], request.app[JOURNAL]
    body = await _body(request)
    record = journal.note(vendor, request.path_qs, request.headers, body)
    try:
        call = dialect.call(body, request.path)
        record.files = [asdict(each) for each in call.files]
        record.model, record.prompt_tokens = call.model, call.prompt_tokens
        whole = _script_for(journal, call.prompt)
        dialect.check(body, whole, request.headers)
        check_fields(body, whole)
        script = whole.at(call.rounds).part(call.is_resumed, call.prompt)
    except Rejected as error:
        record.open, record.status = False, 400
        return _error(dialect, Script(status=400, error_code=str(error)))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        record.open, record.status = False, 400
        return _error(dialect, Script(status=400, error_code=type(error).__name__))
    with _watched(journal, record):
        return await _answer(request, dialect, script, call, record)


def _script_for(journal: Journal, prompt: str) -> Script:
    """The prompt's own directive wins; then what was queued; then nothing special."""
    if given := directive(prompt):
        return Script.from_json(given)
    return journal.next_script("chat") or PLAIN


async def _answer(
    request: web.Request, dialect: Dialect, script: Script, call: Call, record: Record
) -> web.StreamResponse:
    if script.redirect:
        record.status = script.redirect
        return web.Response(status=script.redirect, headers={"Location": "/_elsewhere"})
    if script.status and request.app[JOURNAL].fails(script, call.prompt):
        record.status = script.status
        await asyncio.sleep(script.first_delay)
        return _error(dialect, script)
    if not call.stream:
        await asyncio.sleep(FOREVER if script.stall_after is not None else script.first_delay)
        record.sent = len(script.deltas(call.prompt)) * call.n
        return _json(dialect.whole(script, call))
    try:
        return await send(request, script, frames(dialect, script, call), record)
    except Cut:
        record.open = False
        await _cut(request)
        raise


async def _cut(request: web.Request) -> None:
    """End the connection as a crash would; what was written before still arrives."""
    if request.transport is not None:
        request.transport.abort()
    await asyncio.sleep(FOREVER)


@contextmanager
def _watched(journal: Journal, record: Record) -> Iterator[None]:
    """Keep count of open requests, and note how each ends."""
    journal.running.add(record)
    try:
        yield
        record.finished = True
    except (asyncio.CancelledError, ConnectionError):
        # A record already closed was cut by us, not left by the client.
        record.aborted = record.open
        raise
    finally:
        journal.running.discard(record)
        record.open = False


async def moderations(request: web.Request) -> web.StreamResponse:
    """Flag what contains `[flagged]`, unless a script says that moderation is ill."""
    journal, dialect = request.app[JOURNAL], DIALECTS["openai"]
    body = await _body(request)
    record = journal.note("moderation", request.path_qs, request.headers, body)
    text = str(body["input"])
    given = (directive(text) or {}).get("moderation")
    script = Script.from_json(given) if given else journal.next_script("moderation") or PLAIN
    with _watched(journal, record):
        await asyncio.sleep(FOREVER if script.stall_after is not None else script.first_delay)
        if script.redirect:
            return web.Response(status=script.redirect, headers={"Location": "/_elsewhere"})
        if script.status and journal.fails(script, f"moderation {text}"):
            return _error(dialect, script)
        if script.answer:
            return web.Response(text=script.answer, content_type="application/json")
        return _json({"malformed": True} if script.malformed_after is not None else verdict(body))


async def models(request: web.Request) -> web.Response:
    return _json({"object": "list", "data": [_model(each) for each in MODELS]})


async def gemini_models(request: web.Request) -> web.Response:
    """List one model a page, whatever size was asked for."""
    place = int(request.query.get("pageToken", 0))
    name, methods = GEMINI_MODELS[place]
    more = {"nextPageToken": str(place + 1)} if place + 1 < len(GEMINI_MODELS) else {}
    return _json({"models": [{"name": f"models/{name}", "supportedGenerationMethods": [methods]}], **more})


async def model(request: web.Request) -> web.Response:
    name = request.match_info["id"]
    return _json(_model(name)) if name in MODELS else _error(DIALECTS["openai"], Script(status=404))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "fake"}


async def elsewhere(request: web.Request) -> web.Response:
    """Where redirects lead; a client that comes here has followed one."""
    request.app[JOURNAL].note("elsewhere", request.path_qs, request.headers, None).open = False
    return _json({"followed": True})


async def queue_script(request: web.Request) -> web.Response:
    """Queue one script or a list of them."""
    given = await _body(request)
    try:
        for each in given if isinstance(given, list) else [given]:
            request.app[JOURNAL].queue(each)
    except (ValueError, TypeError) as error:
        return web.Response(status=400, text=f"{error}\n")
    return _json({"queued": True})


async def list_requests(request: web.Request) -> web.Response:
    return _json({"requests": request.app[JOURNAL].requests()})


async def clear(request: web.Request) -> web.Response:
    request.app[JOURNAL].clear()
    return web.Response(status=204)


async def count_open(request: web.Request) -> web.Response:
    return _json({"open": request.app[JOURNAL].open})


async def _body(request: web.Request) -> Any:
    # Scripts may hold half a surrogate pair, which the fast parser refuses.
    return json.loads(await request.read())


def _json(payload: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=encoded(payload),
        content_type="application/json",
        headers={**REQUEST_ID, **(headers or {})},
    )


def _error(dialect: Dialect, script: Script) -> web.Response:
    headers = {"Retry-After": script.retry_after} if script.retry_after else {}
    return _json(dialect.error(script.status, script.error_code, script.retry_after), script.status, headers)
