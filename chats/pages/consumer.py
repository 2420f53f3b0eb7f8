"""The socket of a chat page: forms come in, HTMX fragments go out."""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, load_viewer
from accounts.pages.sockets import session_claims
from chats.pages.change_poller import change_poller
from chats.pages.operations import perform
from chats.pages.page_session import ClientState, PageSession
from chats.pages.rendering import fragments
from chats.pages.thread import open_state
from chats.sockets import SIGNED_OUT, SocketConsumer
from common.errors import Invalid, NotSignedIn, ParleyError
from common.executor import database
from common.json import loads
from common.off_loop import off_loop
from common.problems import as_refusal

logger = logging.getLogger("parley.pages")
PULSE_SECONDS = 15


class PageConsumer(SocketConsumer):
    """Refused at the handshake unless the browser is signed in and the chat is theirs, or nobody's yet."""

    page: PageSession | None = None
    _showing: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        chat_id = self.scope["url_route"]["kwargs"]["chat_id"]
        try:
            claims = await database().read(_let_in, self.scope, chat_id)
            self.enter(claims)
        except ParleyError:
            await self.close()
            return
        self.page = PageSession(claims, chat_id, _seen(self.scope["query_string"]), self.push)
        change_poller().enter(self.page)
        await self.accept()
        self._showing = asyncio.create_task(self._show(self.page))

    async def _show(self, page: PageSession) -> None:
        while not page.gone:
            page.changed.clear()
            try:
                await page.sync()
            except NotSignedIn:
                await self.sign_out()
                return
            except Exception:
                logger.exception("a page could not be brought up to date")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(page.changed.wait(), PULSE_SECONDS)
            await self.push(fragments.PULSE)

    async def sign_out(self) -> None:
        await self.push(fragments.notice_frame("You are signed out.", settings.LOGIN_URL, "Sign in"))
        await self.close(SIGNED_OUT)

    async def take(self, text: str | None) -> None:
        assert self.page is not None
        try:
            data = await off_loop(len(text or ""), _object, text)
            await perform(self.page.claims, self.page.chat_id, data)
            await self.push(fragments.notice_frame("") + fragments.sent_frame(str(data.get("key", ""))))
        except NotSignedIn:
            await self.sign_out()
        except Exception as error:
            await self.push(fragments.notice_frame(_words(error)) + fragments.sent_frame(""))
        change_poller().nudge(self.page.chat_id)

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        if self.page:
            self.page.close()
            change_poller().leave(self.page)
        if self._showing and self._showing is not asyncio.current_task():
            self._showing.cancel()


def _let_in(scope: Any, chat_id: UUID) -> Claims:
    claims = session_claims(scope)
    open_state(load_viewer(claims).id, chat_id)
    return claims


def _seen(query: bytes) -> ClientState:
    """Return what the browser shows, as its address says; nonsense is nothing."""
    values = parse_qs(query.decode("latin-1"))
    try:
        head = UUID(values["head"][0]) if values.get("head") else None
        size = int(values.get("size", [settings.PAGE_SIZE])[0])
    except ValueError:
        return ClientState(None, settings.PAGE_SIZE, busy=True)
    return ClientState(head, min(max(size, 2), settings.PAGE_SIZE_MAX), busy=values.get("busy") != ["no"])


def _object(text: str | None) -> dict[str, Any]:
    data = loads((text or "").encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        raise Invalid("This message could not be read.")
    return data


def _words(error: Exception) -> str:
    """Say what went wrong in words for a person."""
    refusal = as_refusal(error)
    if refusal is None:
        logger.error("a page's message failed", exc_info=error)
        return "Something went wrong on our side; try again."
    return next((texts[0] for texts in refusal.errors.values() if texts), refusal.detail)
