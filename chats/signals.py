"""What chats tell and ask the apps above them."""

from django.dispatch import Signal

# kwargs: owner_id, reply (a chats.tree.MessageRow). Sent inside the accepting transaction: somebody typed `/save`; the
# receiver keeps the reply and returns what the chat answers, as Markdown. What it raises refuses the whole turn.
# Without a receiver `/save` is plain text.
reply_saving = Signal()

# kwargs: ids. These chats are about to be deleted, in this transaction, with their rows locked; a receiver deletes what
# it holds of them and of their messages.
chats_deleting = Signal()

# kwargs: user_id. Sent when changes of this user were committed here, on the thread that did it: more than a wake-up is
# nobody's business there. What changed is in `chats.models.Change`, which other processes write as well.
changes_committed = Signal()
