"""What staff are told by the apps above before a model goes."""

from django.dispatch import Signal

# kwargs: names, under which models are chosen and remembered. A receiver returns {what uses them, in words: how many}.
counting_uses = Signal()
