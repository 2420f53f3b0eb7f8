"""The engine's few functions that every door calls. A request never gets in here: claims and values do."""

from chats.turns.actions import start, stop, stop_reply, wait_for
from chats.turns.asking import Ask, Begun
from chats.turns.following import follow
from chats.turns.resuming import resume

__all__ = ["Ask", "Begun", "follow", "resume", "start", "stop", "stop_reply", "wait_for"]
