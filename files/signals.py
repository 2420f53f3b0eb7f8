"""What files tell the apps above them."""

from django.dispatch import Signal

# kwargs: owner_id, file_id. Sent inside the transaction in which a file came, went, or got another state.
file_changed = Signal()
