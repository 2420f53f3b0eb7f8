"""What chats ask of the apps above them, inside the transaction that does it."""

from django.dispatch import Signal

# kwargs: owner_id, reply (a chats.tree.MessageRow). Somebody typed `/save`; the receiver keeps the reply and returns
# what the chat answers, as Markdown. What it raises refuses the whole turn. Without a receiver `/save` is plain text.
reply_saving = Signal()
