"""The open sockets of this process: how many a user has, and whether their sessions still hold."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, ended_sessions
from common.executor import database

logger = logging.getLogger("parley.sockets")
CHECK_SECONDS = 10
SignOut = Callable[[], Awaitable[None]]


class OpenSockets:
    """Used on one event loop only."""

    def __init__(self) -> None:
        self._sockets: dict[SignOut, Claims] = {}
        self._task: asyncio.Task[None] | None = None

    def enter(self, claims: Claims, sign_out: SignOut) -> bool:
        """Count a socket in; False where its user has `settings.SOCKETS_PER_USER` already."""
        mine = sum(other.user_id == claims.user_id for other in self._sockets.values())
        if mine >= settings.SOCKETS_PER_USER:
            return False
        self._sockets[sign_out] = claims
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())
        return True

    def leave(self, sign_out: SignOut) -> None:
        """Count a socket out."""
        self._sockets.pop(sign_out, None)

    async def _watch(self) -> None:
        """Ask now and then, for all sockets in one query, which sessions have ended; close those sockets."""
        while self._sockets:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                ended = await database().read(ended_sessions, _sessions(self._sockets))
            except Exception:
                logger.exception("sessions of open sockets could not be checked")
                continue
            for sign_out, claims in list(self._sockets.items()):
                if claims.session_id in ended:
                    await sign_out()


def _sessions(sockets: dict[SignOut, Claims]) -> set[UUID]:
    return {claims.session_id for claims in sockets.values()}


open_sockets = OpenSockets()
