"""What accounts tell the apps above them, inside the transaction that does it."""

from django.dispatch import Signal

# kwargs: user_id. Sent before the account's own rows go; a receiver deletes what it holds of that user.
account_deleting = Signal()

# kwargs: user_id; values, the fields of their profile that change, and to what. A receiver refuses what it knows to
# be wrong.
profile_changing = Signal()

# kwargs: user_id. The account was just secured and every session ended (new password or address, deactivation, "log out
# everywhere");
# a receiver ends the ways in that it has handed out: API keys, grants, tokens.
access_revoked = Signal()
