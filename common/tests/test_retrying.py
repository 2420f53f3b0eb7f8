"""Transactions that the database asks to be tried again are; others are not."""

import pytest
from django.db import OperationalError

from common.retrying import ATTEMPTS, retry_conflicts


class Conflict(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


class Failing:
    """A transaction that fails so many times with one SQLSTATE."""

    def __init__(self, times: int, sqlstate: str) -> None:
        self.times, self.sqlstate, self.calls = times, sqlstate, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise OperationalError() from Conflict(self.sqlstate)
        return "done"


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_deadlock_is_tried_again_up_to_three_times(sqlstate: str) -> None:
    assert retry_conflicts(Failing(ATTEMPTS - 1, sqlstate)) == "done"

    forever = Failing(99, sqlstate)
    with pytest.raises(OperationalError):
        retry_conflicts(forever)
    assert forever.calls == ATTEMPTS


def test_other_errors_are_not_tried_again() -> None:
    broken = Failing(1, "08006")

    with pytest.raises(OperationalError):
        retry_conflicts(broken)
    assert broken.calls == 1
