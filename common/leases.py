"""Leases by the database's own clock, so that processes whose clocks differ agree on who holds what."""

from django.conf import settings

from common.sql import is_postgresql


def database_now() -> str:
    """SQL for the database's own clock, in the form in which instants are stored."""
    return "clock_timestamp()" if is_postgresql() else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"


def lease_end(seconds: float | None = None) -> str:
    """SQL for the instant at which a lease given now expires: after `LEASE_SECONDS`, where nothing else is said."""
    seconds = settings.LEASE_SECONDS if seconds is None else seconds
    if is_postgresql():
        return f"clock_timestamp() + interval '{seconds} seconds'"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+{seconds} seconds')"
