"""What chats tell and ask the apps above them."""

from django.dispatch import Signal

# kwargs: owner_id, reply (a chats.tree.MessageRow). Sent inside the accepting transaction: somebody typed `/save`; the
# receiver keeps the reply and returns what the chat answers, as Markdown. What it raises refuses the whole turn.
# Without a receiver `/save` is plain text.
reply_saving = Signal()

# kwargs: ids. These chats are about to be deleted, in this transaction, with their rows locked; a receiver deletes what
# it holds of them and of their messages.
chats_deleting = Signal()

# kwargs: row (usage.attempts.AttemptRow), number. A call of a provider has ended, the `number`th for what was asked.
call_ended = Signal()

# kwargs: state, provider, model, fallback (None or {asked, reason}), first_text (seconds, or None), gaps (how many were
# there between pieces of text, by `chats.turns.limits.GAP_BOUNDS`) and gap_seconds (their sum). This process has run a
# turn to its end, or until it waits; sent on the engine's loop.
run_ended = Signal()

# kwargs: seconds, replies. The text of so many running replies was stored, which took so long; or could not be.
replies_flushed = Signal()

# kwargs: was. A turn was ended that its process left ("streaming"), or that waited too long ("waiting").
turn_expired = Signal()

# kwargs: user_id. Sent when changes of this user were committed here, on the thread that did it: more than a wake-up is
# nobody's business there. What changed is in `chats.models.Change`, which other processes write as well.
changes_committed = Signal()
