"""Files of a prompt that is not stored: a model is shown them as those of stored questions, and nothing is kept."""

import base64
from functools import partial
from typing import BinaryIO

from django.conf import settings

from chats.errors import Unsupported
from chats.turns.attachments import framed, message_of, takes_whole
from common.child_process import ChildFailed
from common.errors import BodyTooLarge
from common.media import media_type_of
from common.threads import run_in_thread
from common.unnamed_file import unnamed_file
from files.errors import FileTypeRefused, FileUnreadable
from files.prompts import make_picture, pdf_text, text_of
from files.uploads import write_base64
from llm.catalog import Model
from llm.client.types import File, Prompt, PromptMessage, PromptPart, Text


async def with_sent_files(prompt: Prompt, model: Model) -> Prompt:
    """Return a prompt with its files as a model can be shown them: pictures small and clean, other files as text.

    Raises Unsupported, FileUnreadable, FileTypeRefused, BodyTooLarge and Unavailable.
    """
    if not any(isinstance(part, File) for message in prompt.messages for part in message.parts):
        return prompt
    messages = tuple([await _message(message, model) for message in prompt.messages])
    return Prompt(prompt.model, prompt.system, messages, prompt.params, prompt.tools)


async def _message(message: PromptMessage, model: Model) -> PromptMessage:
    """One file at a time: whoever goes away meanwhile has no more of them read."""
    if not any(isinstance(part, File) for part in message.parts):
        return message
    parts = [await _part(part, model) for part in message.parts]
    return message_of(message.role, tuple(parts))


async def _part(part: PromptPart, model: Model) -> PromptPart:
    return await run_in_thread(partial(_shown, part, model)) if isinstance(part, File) else part


def _shown(sent: File, model: Model) -> PromptPart:
    """Its bytes say what a file is, whatever it is called; blocking."""
    with unnamed_file() as file:
        write_base64(file, sent.data)
        size, name = file.tell(), sent.name or "file"
        if size > settings.FILE_MAX_BYTES:
            raise BodyTooLarge(f"A file has at most {settings.FILE_MAX_BYTES:,} bytes.")
        kind = media_type_of(file, name)
        if kind is None:
            raise FileTypeRefused()
        if kind.kind == "text":
            return Text(framed(name, text_of(file)))
        if kind.kind == "pdf":
            return _pdf(sent, name, file, size, model)
        if model.abilities.images is False:
            raise Unsupported(model.name, ["images"])
        data = base64.b64encode(make_picture(file, kind).data).decode("ascii")
        return File("image/jpeg", data, sent.name, sent.detail)


def _pdf(sent: File, name: str, file: BinaryIO, size: int, model: Model) -> PromptPart:
    whole, can = File("application/pdf", sent.data, name), model.abilities
    if takes_whole(can, size, has_text=True, is_readable=True):
        return whole
    text, is_readable = _text(file)
    if takes_whole(can, size, has_text=bool(text), is_readable=is_readable):
        return whole
    if text:
        return Text(framed(name, text))
    if is_readable:
        raise Unsupported(model.name, ["files"])
    raise FileUnreadable("This PDF cannot be read.")


def _text(file: BinaryIO) -> tuple[str, bool]:
    """Return the text of a PDF, and whether it could be read at all."""
    try:
        return pdf_text(file), True
    except ChildFailed:
        return "", False
