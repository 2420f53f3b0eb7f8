"""What the bot's message says when its reply has ended, cut into messages that Stream takes."""

from django.conf import settings

from chats.models import State
from chats.rows import MessageRow

ANEW = "*The chat of this channel was deleted; this one begins anew.*\n\n"
LOST = "The reply was interrupted before any text came. Ask again."
GONE = "The reply was withdrawn."
REFUSED = "The reply cannot be shown in this channel."
MOST_MESSAGES = 20
TOO_LONG = "The rest of this reply is too long for the channel."
NOTES = {
    State.STOPPED: ("Stopped.", "*Stopped.*"),
    State.INTERRUPTED: (LOST, "*The reply was interrupted here. Ask again for the rest.*"),
    State.BLOCKED: ("This message was blocked by a content filter.", "*The rest was blocked by a content filter.*"),
    State.FAILED: ("The model could not answer. Try again later.", "*The model could not go on.*"),
}


def final_text(row: MessageRow) -> str:
    """Return the reply as it ended; where it was cut short, it says so."""
    if row.state not in NOTES:
        return row.content
    alone, after = NOTES[State(row.state)]
    return f"{row.content}\n\n{after}" if row.content else alone


def in_messages(text: str) -> list[str]:
    """Cut a text into messages of at most `STREAM_MESSAGE_CHARS`, at the end of a line where there is one."""
    limit: int = settings.STREAM_MESSAGE_CHARS
    parts: list[str] = []
    while len(text) > limit and len(parts) < MOST_MESSAGES:
        cut = text.rfind("\n", limit // 2, limit) + 1 or limit
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text if len(text) <= limit else TOO_LONG]
