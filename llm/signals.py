"""What the app says of its rows."""

from django.dispatch import Signal

# The rows have changed, and the change is committed.
rows_changed = Signal()

# Sent before staff take a model away. kwargs: names, under which models are chosen and remembered. A receiver returns
# {what uses them, in words: how many}.
counting_uses = Signal()
