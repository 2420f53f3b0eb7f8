"""One event of the UI message stream v1 on the wire.

Older releases refuse unknown keys and null for an optional field, so what is not known is left out.
"""

from typing import Any

from chats.wire import sse
from common.json import dumps

HEADERS = {**sse.HEADERS, "X-Vercel-AI-UI-Message-Stream": "v1"}
DONE = b"data: [DONE]\n\n"


def chunk(kind: str, **fields: Any) -> bytes:
    """Return one event."""
    return b"data: %b\n\n" % dumps({"type": kind, **fields})
