"""Webhooks as Stream sends them: the body, its signature over the raw bytes, and the headers."""

import gzip
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from streamchat.testing.server import KEY, SECRET


@dataclass(slots=True)
class Hook:
    """One slash command; `values` are laid over its message."""

    args: str
    cid: str
    command: str = "gpt"
    user: str = "ada"
    values: dict[str, Any] = field(default_factory=dict)
    form_data: dict[str, str] | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    message_id: str = field(default_factory=lambda: str(uuid4()))

    def body(self) -> bytes:
        message = {
            "id": self.message_id, "text": f"/{self.command} {self.args}", "command": self.command, "args": self.args,
            "html": "", "type": "regular", "cid": self.cid, "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z", "attachments": [], "latest_reactions": [], "own_reactions": [],
            "reaction_counts": {}, "reaction_scores": {}, "reply_count": 0, "mentioned_users": [], "silent": False,
            **self.values,
        }  # fmt: skip
        user = {"id": self.user, "role": "user", "banned": False, "online": True, "name": self.user.title()}
        body: dict[str, Any] = {"message": message, "user": user}
        if self.form_data is not None:
            body["form_data"] = self.form_data
        return json.dumps(body).encode()

    def headers(self, body: bytes, attempt: int = 1) -> dict[str, str]:
        return {
            "Content-Type": "application/json", "X-Api-Key": KEY, "X-Signature": signature(body),
            "X-Webhook-Id": self.id, "X-Webhook-Attempt": str(attempt),
        }  # fmt: skip


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def packed(body: bytes) -> bytes:
    return gzip.compress(body)
