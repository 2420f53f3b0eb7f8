"""Refusals of the chats app."""

from collections.abc import Sequence

from common.errors import Conflict, Invalid, NotFound, ParleyError, TooManyRequests, Unavailable


class ChatNotFound(NotFound):
    code, title = "not_found", "There is no such chat."


class AssistantNotFound(NotFound):
    code, title = "not_found", "There is no such assistant."


class MessageNotFound(NotFound):
    code, title = "not_found", "There is no such message in this chat."


class TurnRunning(Conflict):
    code, title = "turn_running", "A reply is still being made in this chat; wait for it or stop it."


class CallNotFound(NotFound):
    code, title = "not_found", "There is no such tool call in this reply."


class AlreadyDecided(Conflict):
    code, title = "already_decided", "That tool call was decided on otherwise before."


class NotWaiting(Conflict):
    code, title = "not_waiting", "The reply does not wait for a decision any more."


class ReasonBlocked(ParleyError):
    status, code, title = 422, "blocked", "The reason was blocked by a content filter; nothing was decided."


class NothingToFollow(NotFound):
    code, title = "nothing_to_follow", "No reply is being made in this chat; name one, or a cursor."


class ModelNotFound(NotFound):
    code, title = "model_not_found", "There is no such model here."


class MessageExists(Conflict):
    code, title = "message_exists", "A message with this id is in this chat already."


class KeyReused(ParleyError):
    status, code, title = 422, "idempotency_key_reused", "This idempotency key was used for another request."


class CursorExpired(ParleyError):
    status, code, title = 410, "cursor_expired", "Changes after this cursor are no longer kept; read everything anew."


class NothingToSave(Invalid):
    code, title = "nothing_to_save", "There is no text to save in this message."


class UnknownModelName(Invalid):
    code, title = "unknown_model", "There is no such model here."


class Unsupported(Invalid):
    """A model cannot do what is asked of it; `names` are those of the request."""

    code, title = "unsupported", "The model cannot do what is asked of it."

    def __init__(self, model: str, names: Sequence[str]) -> None:
        what = f"The model {model} does not support"
        super().__init__(f"{what} {', '.join(names)}.", errors={name: [f"{what} {name}."] for name in names})
        self.model, self.names = model, names


class ProviderMissing(Unavailable):
    code, title = "provider_not_configured", "The provider of that model is not set up on this server."


class ModerationAway(Unavailable):
    code, title = "moderation_unavailable", "The message could not be checked; it was not stored. Try again."


class TooManyStreams(TooManyRequests):
    code, title = "too_many_streams", "Too many streams are open for this account."


class TooManyTurns(TooManyRequests):
    code, title = "too_many_turns", "Too many replies are being made for this account; wait for one or stop it."


class Draining(Unavailable):
    code, title = "draining", "This server is shutting down; try again."


class ReplyFailed(ParleyError):
    """A turn ended without any text, seen from a door that waits."""

    status, code, title = 502, "provider_failed", "The model could not answer."


class ReplyRefused(ReplyFailed):
    code, title = "provider_refused", "The provider refused the request."


class ReplyEmpty(ReplyFailed):
    code, title = "provider_empty", "The model gave an empty answer."


class ReplyTimedOut(ReplyFailed):
    status, code, title = 504, "provider_timeout", "The model did not answer in time."


class ReplyBusy(ReplyFailed):
    status, code, title = 503, "provider_busy", "The model's provider is overloaded; try again."


class ReplyBlocked(ReplyFailed):
    status, code, title = 422, "blocked", "The message or the answer was blocked by a content filter."


class ReplyInterrupted(ReplyFailed):
    status, code, title = 503, "interrupted", "The reply was interrupted before any text came; try again."


FAILURES: dict[str, type[ReplyFailed]] = {
    kind.code: kind for kind in (ReplyFailed, ReplyRefused, ReplyEmpty, ReplyTimedOut, ReplyBusy, ReplyBlocked)
}
