"""What the engine tells the apps above it as time goes by."""

from django.dispatch import Signal

# No kwargs. Sent on the engine's loop after every sweep, every SWEEP_SECONDS, also while the database is away.
# A receiver must be quick; what it has to do it begins as a task of that loop.
swept = Signal()
