"""What the hook answers: fields that Stream lays over the message that somebody is sending."""

from typing import Any

from streamchat.payload import StreamCommand

RETRY, CANCEL = "retry", "cancel"
UNTOUCHED: dict[str, Any] = {}
DROPPED: dict[str, Any] = {"message": None}
HookResponse = dict[str, Any]


def accepted(command: StreamCommand) -> HookResponse:
    """Let everybody see the question; after a button, what showed the buttons becomes the question again."""
    shown: HookResponse = {"type": "regular", "text": command.text}
    if command.action:
        shown["attachments"] = []
    return {"message": shown}


def rejected(text: str) -> HookResponse:
    """Reject the message and tell its sender why; nobody else sees it, and nothing is stored."""
    return {"message": {"type": "error", "text": text}}


def come_again(command: StreamCommand, text: str) -> HookResponse:
    """Ask the sender, and nobody else, whether to try again; the command and its words stay with the message."""
    buttons = [
        {"name": "action", "text": "Try again", "style": "primary", "type": "button", "value": RETRY},
        {"name": "action", "text": "Cancel", "style": "default", "type": "button", "value": CANCEL},
    ]
    ask = {"type": "parley", "title": text, "fallback": text, "text": command.text, "actions": buttons}
    return {"message": {"type": "ephemeral", "text": command.text, "attachments": [ask]}}
