"""Fill the database of a run, beside the server: python -m benchmarks.seed '{"people": 16, "chats": 1}'

Each person has `chats` chats of `messages` messages, one every `minutes` minutes, newest first.
"""

# ruff: noqa: E402
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken

from accounts.models import ApiKey, Session, User
from accounts.models.session import SESSION_KEY
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import ACCESS_PREFIX, mcp_resource
from accounts.security.network import ClientInfo
from accounts.services.api_keys import create_key
from accounts.services.sessions import start_session, tokens_of
from chats.models import Chat, Message, State, Turn
from common.ids import uuid7

BATCH = 5000


def person(chats: int, messages: int, minutes: float, password: str) -> dict[str, Any]:
    """Make somebody with every kind of credential; by default without a password, whose hash takes a quarter second."""
    user = User.objects.create_user(f"bench{uuid4().hex[:12]}@example.org", password or None)
    session = start_session(user, ClientInfo())
    tokens = tokens_of(session)
    scopes = [ApiKey.Scope.COMPLETE.value, ApiKey.Scope.STORE.value]
    return {
        "id": user.pk, "email": user.email, "access": tokens.access, "refresh": tokens.refresh,
        "browser": browser(user), "key": create_key(user, session.pk, "bench", scopes, None, ClientInfo())[1],
        "app": app(user),
        "chats": [str(chat) for chat in make_chats(user, chats, messages, minutes)],
    }  # fmt: skip


def browser(user: User) -> str:
    """Return the session cookie of a browser that is signed in to the pages."""
    store = SessionStore()
    store[USER_KEY], store[BACKEND_SESSION_KEY] = str(user.pk), "accounts.backends.EmailBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store[SESSION_KEY] = start_session(user, ClientInfo(), Session.Kind.PAGE).pk.hex
    store.create()
    return str(store.session_key)


def app(user: User) -> str:
    """Return the access token of an app that was let in to the user's notes over MCP."""
    name, later = uuid4().hex, timezone.now() + timedelta(hours=1)
    kind = {"client_type": "public", "authorization_grant_type": "authorization-code"}
    client = Application.objects.create(name="bench", client_id=name, redirect_uris="https://bench.example/", **kind)
    scopes, resource = ["notes:read", "notes:write"], [mcp_resource()]
    grant = AppGrant.objects.create(
        user=user, application=client, scopes=scopes, resources=resource, code_hash=name,
        code_used_at=timezone.now(), expires_at=later,
    )  # fmt: skip
    values = {"user": user, "application": client, "resource": resource}
    token = f"{ACCESS_PREFIX}{name}"
    access = AccessToken.objects.create(token=token, expires=later, scope=" ".join(scopes), **values)
    RefreshToken.objects.create(token=name, access_token=access, token_family=grant.pk, **values)
    return token


def make_chats(user: User, count: int, messages: int, minutes: float) -> list[UUID]:
    """Make chats, newest first; returns the newest hundred."""
    found: list[UUID] = []
    for start in range(0, count, BATCH):
        made = [a_chat(user, number, messages, minutes) for number in range(start, min(start + BATCH, count))]
        Chat.objects.bulk_create(made)
        found += [chat.pk for chat in made][: 100 - len(found)]
        for chat in made if messages > 2 else ():
            fill(user, chat, messages)
    if messages == 2:
        fill_all(user)
    return found


def a_chat(user: User, number: int, messages: int, minutes: float) -> Chat:
    when = timezone.now() - timedelta(minutes=minutes * number)
    return Chat(
        id=uuid7(), owner=user, title=f"Chat number {number}", created_at=when, updated_at=when,
        head_id=uuid7() if messages else None, last_number=messages, last_turn=messages // 2,
    )  # fmt: skip


def fill_all(user: User) -> None:
    """Give each chat a question and a reply, in two statements for however many there are.

    The reply's id is known from `head`; the question borrows its chat's, which is as unique.
    """
    columns = "id, chat_id, number, parent_id, role, content, created_at, reasoning, state, reason, model, provider"
    rest = "created_at, '', 'complete', '', 'gpt-6-luna', 'openai' FROM chats_chat WHERE owner_id = %s"
    rows = (
        "id, id, 1, NULL, 'user', 'What follows from this?'",
        "head_id, id, 2, id, 'assistant', 'Several things follow from this.'",
    )
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(f"INSERT INTO chats_message ({columns}) SELECT {row}, {rest}", [user.pk])


def fill(user: User, chat: Chat, messages: int) -> None:
    """Give a chat questions and replies, each following the one before, and their turns."""
    rows: list[Message] = []
    for at in range(1, messages + 1):
        role = "user" if at % 2 else "assistant"
        text = f"What follows from this, the {at}th time?" if at % 2 else f"Several things follow, as said {at} times."
        parent = rows[-1].pk if rows else None
        rows.append(
            Message(
                id=uuid7() if at < messages else chat.head_id, chat=chat, number=at, parent_id=parent, role=role,
                content=text, model="gpt-6-luna", provider="openai", created_at=chat.created_at,
            )
        )  # fmt: skip
    Message.objects.bulk_create(rows, batch_size=BATCH)
    Turn.objects.bulk_create([a_turn(chat, user, *rows[at : at + 2]) for at in range(0, messages - 1, 2)])


def a_turn(chat: Chat, user: User, question: Message, reply: Message) -> Turn:
    return Turn(
        chat=chat, number=reply.number // 2, user=user, question=question, reply=reply, state=State.COMPLETE,
        started_at=chat.created_at, ended_at=chat.created_at,
    )  # fmt: skip


def main(people: int, chats: int = 1, messages: int = 0, minutes: float = 1, password: str = "") -> list[Any]:
    with transaction.atomic():
        made = [person(chats, messages, minutes, password) for _ in range(people)]
    if connection.vendor == "postgresql":  # where autovacuum would have done it; nobody does on SQLite
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return made


if __name__ == "__main__":
    json.dump(main(**json.loads(sys.argv[1])), sys.stdout)
