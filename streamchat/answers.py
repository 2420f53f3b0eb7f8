"""What the hook answers: fields that Stream lays over the message that somebody is sending."""

from typing import Any

from streamchat.incoming import Command

RETRY, CANCEL = "retry", "cancel"
UNTOUCHED: dict[str, Any] = {}
DROPPED: dict[str, Any] = {"message": None}
Answer = dict[str, Any]


def accepted(command: Command) -> Answer:
    """Let everybody see the question; after a button, what showed the buttons becomes the question again."""
    shown: Answer = {"type": "regular", "text": command.text}
    if command.action:
        shown["attachments"] = []
    return {"message": shown}


def refused(text: str) -> Answer:
    """Reject the message and tell its sender why; nobody else sees it, and nothing is stored."""
    return {"message": {"type": "error", "text": text}}


def come_again(command: Command, text: str) -> Answer:
    """Ask the sender, and nobody else, whether to try again; the command and its words stay with the message."""
    buttons = [
        {"name": "action", "text": "Try again", "style": "primary", "type": "button", "value": RETRY},
        {"name": "action", "text": "Cancel", "style": "default", "type": "button", "value": CANCEL},
    ]
    ask = {"type": "parley", "title": text, "fallback": text, "text": command.text, "actions": buttons}
    return {"message": {"type": "ephemeral", "text": command.text, "attachments": [ask]}}
