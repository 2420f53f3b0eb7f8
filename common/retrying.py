"""Transactions that the database asks to be tried again."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError

P = ParamSpec("P")
R = TypeVar("R")
CONFLICTS = {"40001", "40P01"}  # serialization_failure, deadlock_detected
ATTEMPTS = 4


def retry_conflicts(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that is one whole transaction; repeat it up to three times after a deadlock."""
    for attempt in range(ATTEMPTS):
        try:
            return function(*args, **kwargs)
        except OperationalError as error:
            if attempt == ATTEMPTS - 1 or getattr(error.__cause__, "sqlstate", None) not in CONFLICTS:
                raise
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")
