"""Files that a model makes: stored as their user's own, and tied to the reply before anybody is told of them."""

import logging
import mimetypes
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from chats.parts import TEXT, Part
from chats.turns.attachments import file_ids, link_statement, part_of
from chats.turns.provider_calls import TurnLost
from chats.turns.writes import lock_chat, lock_turn
from common.errors import Invalid, ParleyError
from common.executor import database
from common.retrying import retry_conflicts
from common.sql import run_all
from common.threads import run_in_thread
from files.models import File
from files.services import claim_files
from files.uploads import take_base64
from llm.client.types import GeneratedFile

logger = logging.getLogger("parley.turns")


@dataclass(frozen=True, slots=True)
class FilesOfReply:
    """Where the files of a running reply go."""

    owner_id: int
    chat_id: UUID
    reply_id: UUID
    turn_id: int
    epoch: int

    async def keep(self, made: GeneratedFile, parts: Collection[Part]) -> Part | None:
        """Return the part that a file is, or the text that says why it is none; nothing for one that is among `parts`.

        Raises TurnLost.
        """
        known = file_ids(parts)
        try:
            if len(known) >= settings.FILES_PER_MESSAGE:
                raise Invalid(f"A message has at most {settings.FILES_PER_MESSAGE} files.")
            name = f"picture{mimetypes.guess_extension(made.media_type, strict=False) or ''}"
            file, _ = await run_in_thread(partial(take_base64, self.owner_id, made.data, name))
            if file.pk in known:
                return None
            return part_of(await database().write(retry_conflicts, self._tie, file.pk))
        except ParleyError as refusal:
            logger.warning("file of reply %s not kept: %s", self.reply_id, refusal.code)
            return TEXT, f"\n\n[A file that the model made could not be kept: {refusal.detail}]\n\n"

    @transaction.atomic
    def _tie(self, id_: UUID) -> File:
        """Have the reply refer to a file, as long as it is being written here."""
        if not run_all([lock_chat(self.chat_id), lock_turn(self.turn_id, self.epoch)])[1]:
            raise TurnLost()
        [file] = claim_files(self.owner_id, [id_])
        run_all([link_statement(self.chat_id, self.reply_id, [id_])])
        return file
