"""The fake Stream's server: who asks is checked as Stream does, then the few calls that a bot makes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
from aiohttp import web

from streamchat.testing import shapes
from streamchat.testing.state import Call, State, command

KEY, SECRET = "stream-test-key", "stream-test-secret-of-32-characters"
LONGEST = 5000
STATE = web.AppKey("state", State)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


def make_app(state: State) -> web.Application:
    app = web.Application(client_max_size=8 * 2**20)
    app[STATE] = state
    chat, router = "/api/v2/chat", app.router
    router.add_post("/api/v2/users", _call("users", _users))
    router.add_patch("/api/v2/users", _call("users_partial", _users_partial))
    router.add_get("/api/v2/app", _call("get_app", _get_app))
    router.add_patch("/api/v2/app", _call("update_app", _update_app))
    router.add_get(f"{chat}/commands", _call("list_commands", _list_commands))
    router.add_post(f"{chat}/commands", _call("create_command", _create_command))
    router.add_get(f"{chat}/channeltypes/{{id}}", _call("get_type", _get_type))
    router.add_put(f"{chat}/channeltypes/{{id}}", _call("update_type", _update_type))
    router.add_post(f"{chat}/channels/{{type}}/{{id}}/message", _call("send", _send))
    router.add_post(f"{chat}/channels/{{type}}/{{id}}/event", _call("event", _event))
    router.add_put(f"{chat}/messages/{{id}}", _call("update", _update))
    router.add_patch(f"{chat}/messages/{{id}}/ephemeral", _call("grow", _grow))
    return app


def _call(name: str, answer: Callable[[State, str, Any], dict[str, Any]]) -> Handler:
    """Check who asks, note the call, let go wrong what is to go wrong, answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        state = request.app[STATE]
        target = ":".join(request.match_info.values())
        call = Call(name, target, await request.json() if request.can_read_body else None)
        try:
            _authenticate(request)
            state.note(call)
            if fault := state.fault(name):
                await asyncio.sleep(fault.delay)
                if fault.status:
                    call.status = fault.status
                    body = shapes.error(fault.status, 9 if fault.status == 429 else -1, "as told")
                    return web.json_response(body, status=fault.status, headers=fault.headers)
            return web.json_response({"duration": "1ms", **answer(state, target, call.body)})
        except Refused as refusal:
            call.status = refusal.status
            return web.json_response(shapes.error(refusal.status, refusal.code, str(refusal)), status=refusal.status)

    return handler


def _authenticate(request: web.Request) -> None:
    """The app's key in the query, and a token of the server signed with its secret."""
    if request.query.get("api_key") != KEY:
        raise Refused(401, 2, "api_key not found")
    if request.headers.get("stream-auth-type") != "jwt":
        raise Refused(401, 5, "no auth type")
    try:
        claims = jwt.decode(request.headers.get("Authorization", ""), SECRET, ["HS256"], options={"verify_iat": False})
    except jwt.PyJWTError as error:
        raise Refused(401, 5, "the token is not valid") from error
    if "user_id" in claims:
        raise Refused(403, 17, "this is the token of a user")


def _users(state: State, _: str, body: Any) -> dict[str, Any]:
    state.users.update(body["users"])
    users = {name: shapes.user(name) for name in body["users"]}
    return {"users": users, "membership_deletion_task_id": ""}


def _users_partial(state: State, _: str, body: Any) -> dict[str, Any]:
    for change in body["users"]:
        state.users.setdefault(change["id"], {"id": change["id"]}).update(change.get("set", {}))
    return _users(state, "", {"users": {}})


def _get_app(state: State, _: str, body: Any) -> dict[str, Any]:
    return {"app": shapes.app(state.app)}


def _update_app(state: State, _: str, body: Any) -> dict[str, Any]:
    state.app.update(body)
    return {}


def _list_commands(state: State, _: str, body: Any) -> dict[str, Any]:
    return {"commands": list(state.commands.values())}


def _create_command(state: State, _: str, body: Any) -> dict[str, Any]:
    if body["name"] in state.commands:
        raise Refused(400, 4, f"command {body['name']} already exists")
    state.commands[body["name"]] = command(body["name"], body["description"], body["args"], body["set"])
    return {"command": state.commands[body["name"]]}


def _get_type(state: State, name: str, body: Any) -> dict[str, Any]:
    if name not in state.types:
        raise Refused(404, 16, f"channel type {name} does not exist")
    return shapes.channel_type(name, [state.commands[each] for each in state.types[name]])


def _update_type(state: State, name: str, body: Any) -> dict[str, Any]:
    state.types[name] = list(body["commands"])
    return {**_get_type(state, name, body), "commands": state.types[name]}


def _send(state: State, cid: str, body: Any) -> dict[str, Any]:
    sent = body["message"]
    if sent["user_id"] not in state.users:
        raise Refused(400, 4, f"user {sent['user_id']} does not exist")
    if sent["id"] in state.messages:
        raise Refused(400, 4, f"a message with ID {sent['id']} already exists")
    _require_short(sent["text"])
    state.messages[sent["id"]] = {"custom": {}, "parent_id": None, **sent, "cid": cid}
    return {"message": shapes.message(state.messages[sent["id"]])}


def _event(state: State, cid: str, body: Any) -> dict[str, Any]:
    event = body["event"]
    return {"event": {"type": event["type"], "created_at": shapes.AT, "custom": event.get("custom", {})}}


def _update(state: State, id_: str, body: Any) -> dict[str, Any]:
    _change(state, id_, body, stored=True)
    return {"message": shapes.message(state.messages[id_])}


def _grow(state: State, id_: str, body: Any) -> dict[str, Any]:
    _change(state, id_, body, stored=False)
    return {"message": shapes.message(state.messages[id_])}


def _change(state: State, id_: str, body: Any, *, stored: bool) -> None:
    if id_ not in state.messages:
        raise Refused(404, 16, f"message {id_} does not exist")
    values = dict(body["set"])
    _require_short(values.get("text", ""))
    if stored:
        state.messages[id_]["text"] = values.pop("text", state.messages[id_]["text"])
        state.messages[id_]["custom"].update(values)


def _require_short(text: str) -> None:
    if len(text) > LONGEST:
        raise Refused(400, 20, "the message is too long")
