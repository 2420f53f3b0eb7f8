"""What chats tell and ask the apps above them."""

from django.dispatch import Signal

# kwargs: owner_id, reply (a chats.tree.MessageRow). Sent inside the accepting transaction: somebody typed `/save`; the
# receiver keeps the reply and returns what the chat answers, as Markdown. What it raises refuses the whole turn.
# Without a receiver `/save` is plain text.
reply_saving = Signal()

# kwargs: ids. These chats are about to be deleted, in this transaction, with their rows locked; a receiver deletes what
# it holds of them and of their messages.
chats_deleting = Signal()
