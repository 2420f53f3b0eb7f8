"""Limits on guessing and on mails: per account and network, per account, and per network; the same for every door.

Attempts are counted before the password is looked at, so that parallel ones cannot slip through; a right password
gives its attempt back. Unknown addresses count like known ones. An account's limit over all networks is shared by those
who have never signed in to it; each known device has its own, so others' failures never lock the owner out there.
"""

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute

from accounts.errors import TooManyAttempts
from accounts.security.counters import limiter
from accounts.security.known_devices import account_key

NETWORK_SHARE = 10  # one network may ask for this many accounts' worth of mails


def _failures() -> RateLimitItem:
    return RateLimitItemPerMinute(settings.LOGIN_FAILURES, 15, namespace="failures")


def _account_failures() -> RateLimitItem:
    return RateLimitItemPerHour(settings.LOGIN_FAILURES_ACCOUNT, namespace="account-failures")


def _network_failures() -> RateLimitItem:
    return RateLimitItemPerHour(settings.LOGIN_FAILURES_NETWORK, namespace="network-failures")


def _refuse(wait: float | None) -> None:
    if wait is not None:
        raise TooManyAttempts(retry_after=wait)


def count_attempt(email: str, network: str, device: str) -> None:
    """Count one password attempt before it is checked; raise TooManyAttempts where too many have failed.

    `device` names what has proved to be the account's own; it is empty for a stranger.
    """
    _refuse(limiter().take(_failures(), account_key(email), network))
    _refuse(limiter().take_fixed(_network_failures(), network))
    _refuse(limiter().take_fixed(_account_failures(), account_key(email), device))


def attempt_succeeded(email: str, network: str, device: str) -> None:
    """Forget the account's failures in this network, and give network and account their attempt back.

    The account's other failures stay: its owner's coming and going gives nobody more guesses.
    """
    limiter().forget(_failures(), account_key(email), network)
    limiter().give_back(_network_failures(), network)
    limiter().give_back(_account_failures(), account_key(email), device)


def count_registration(network: str) -> None:
    """Count one question whether an address is taken; raise TooManyAttempts."""
    _refuse(limiter().take(RateLimitItemPerHour(settings.REGISTRATIONS_PER_HOUR, namespace="registrations"), network))


def count_mail_request(email: str, network: str) -> None:
    """Count one request for a mail; raise TooManyAttempts."""
    each = settings.MAILS_PER_HOUR
    _refuse(limiter().take(RateLimitItemPerHour(each, namespace="mails"), account_key(email), network))
    _refuse(limiter().take(RateLimitItemPerHour(each * NETWORK_SHARE, namespace="network-mails"), network))


def may_mail(email: str, purpose: str) -> bool:
    """Count one mail to an address from all networks together: a mailbox is not flooded.

    Each purpose has its own count: whoever asks for links to a stranger's address takes no other kind from its owner.

    Beyond the limit nothing is sent and nobody is told; the last link that was sent stays good.
    """
    item = RateLimitItemPerHour(settings.MAILS_PER_HOUR * 4, namespace="mailbox")
    return limiter().take(item, account_key(email), purpose) is None
