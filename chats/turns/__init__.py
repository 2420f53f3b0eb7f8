"""The engine's few functions that every door calls. A request never gets in here: claims and values do."""

from chats.turns.approvals import Approval, approvals_on, decide
from chats.turns.follow import follow, resume
from chats.turns.reads import waiting_for
from chats.turns.requests import (
    AcceptedTurn,
    ContinueRequest,
    EditRequest,
    RegenerateRequest,
    SendRequest,
    TurnRequest,
)
from chats.turns.service import is_repeated, start, wait_for
from chats.turns.stop import stop, stop_reply

__all__ = ["AcceptedTurn", "Approval", "ContinueRequest", "EditRequest", "RegenerateRequest", "SendRequest",
           "TurnRequest", "approvals_on", "decide", "follow", "is_repeated", "resume", "start", "stop", "stop_reply",
           "wait_for", "waiting_for"]  # fmt: skip
