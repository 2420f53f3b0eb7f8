"""What is held of limits while a reply runs: taken before a provider is asked, raised before it is asked again.

Belongs inside the caller's transaction, whose other rows are locked by then: counters come last in the lock order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from common.sql import Statement, instant, instant_of, run_all
from common.time_zones import first_instant
from usage.attempts import Account
from usage.counters import Subject, as_date, count_on_day, counting, date_of, day_bounds, for_update, locking
from usage.limits import COST, DAY, MESSAGES, MINUTE, MONTH, RUNNING, TOKENS, Asking, Bound, Rule, subjects_of
from usage.models import Limit
from usage.refusals import QuotaExceeded, refusal

_COLUMNS = "id, day, ends_at, messages, tokens, held_tokens, cost, held_cost, running, minute, minute_messages"
SHARE = 8
RUNNING_DAYS = timedelta(days=2)  # no reply runs longer than from one day into the next, wherever it is counted


@dataclass(slots=True)
class Held:
    """What is held: of which counters, in the lock order, and how long the provider's answers may be."""

    counters: list[int]
    tokens: int = 0
    cost: int = 0
    output: int | None = None  # None: as long as the provider likes


@dataclass(slots=True)
class CounterRow:
    id: int
    day: date
    ends_at: datetime
    messages: int
    tokens: int
    held_tokens: int
    cost: int
    held_cost: int
    running: int
    minute: int
    minute_messages: int


@dataclass(slots=True)
class Used:
    """What a subject has used: on the day that counts, and on those before."""

    today: CounterRow
    rows: Sequence[CounterRow]

    def used(self, rule: Rule, now: datetime) -> tuple[int, int]:
        """Return how much of a rule's unit is used in its period, and how much more is held."""
        if rule.unit == RUNNING:
            return sum(row.running for row in self.rows), 0
        if rule.period == MINUTE:
            return self.today.minute_messages if self.today.minute == minute_of(now) else 0, 0
        month = (self.today.day.year, self.today.day.month)
        rows = (
            [self.today] if rule.period == DAY else [row for row in self.rows if (row.day.year, row.day.month) == month]
        )
        if rule.unit == MESSAGES:
            return sum(row.messages for row in rows), 0
        if rule.unit == TOKENS:
            return sum(row.tokens for row in rows), sum(row.held_tokens for row in rows)
        return sum(row.cost for row in rows), sum(row.held_cost for row in rows)

    def resets_at(self, rule: Rule, now: datetime) -> datetime | None:
        """Return when a rule's period ends."""
        if rule.period == DAY:
            return self.today.ends_at
        if rule.period == MONTH:
            return first_instant((self.today.day.replace(day=1) + timedelta(days=32)).replace(day=1),
                                 ZoneInfo(rule.subject.zone))  # fmt: skip
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1) if rule.period == MINUTE else None


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit, all that is held taken off."""

    unit: str
    amount: int
    left: int
    resets_at: datetime | None


@dataclass(slots=True)
class Charge:
    """Where what a reply uses is booked, what bounds it, and what is held of that; None where nothing does."""

    account: Account
    asking: Asking
    rules: Sequence[Rule] = ()
    hold: Held | None = None
    left: list[Left] = field(default_factory=list)  # as of the hold


AllUsed = Mapping[Subject, Used]


def minute_of(now: datetime) -> int:
    return int(now.timestamp() // 60)


def take(
    charge: Charge, bound: Bound, now: datetime, note: Callable[[Held], Statement], messages: int = 1, running: int = 1
) -> None:
    """Hold what a call may use of all that bounds it; raise QuotaExceeded where there is not enough left.

    The user's day is locked and has counted its `messages`; other counters count them here. `note` writes down what is
    held. Whoever shares a limit waits from here to the commit: two round trips, where all its days are open.
    """
    rules = charge.rules
    first, *others = subjects_of(charge.asking, rules)
    counts = [counting(subject, None, now, messages) for subject in others]
    counted, states = _counted(counts, (first, *others), rules, now)
    if not all(counted):
        opened = [
            rows[0] if rows else count_on_day(each, now, messages) for each, rows in zip(others, counted, strict=True)
        ]
        counted, (_, states) = [[row] for row in opened], _counted([], (first, *others), rules, now)
    ids = {first: charge.account.day_id, **{each: rows[0][0] for each, rows in zip(others, counted, strict=True)}}
    used = {each: _used(ids[each], states[each]) for each in ids}
    for rule in rules:
        _require_room(rule, used[rule.subject], now, messages, running)
    hold = Held(list(ids.values()))
    _extend(hold, rules, used, bound, now)
    holdings = [_holding(counter, hold.tokens, hold.cost, now, messages, running) for counter in hold.counters]
    run_all([*holdings, note(hold)])
    charge.hold = hold
    charge.left += [_left(rule, used[rule.subject], hold, now, messages) for rule in rules if rule.unit != RUNNING]


def _left(rule: Rule, state: Used, hold: Held, now: datetime, messages: int) -> Left:
    used, held = state.used(rule, now)
    own = {TOKENS: hold.tokens, COST: hold.cost}.get(Limit.Unit(rule.unit), messages if rule.period == MINUTE else 0)
    return Left(rule.unit, rule.amount, max(0, rule.amount - used - held - own), state.resets_at(rule, now))


def daily_messages_left(counted: Any) -> list[Left]:
    """Return what is left of `DAILY_MESSAGES` on a day as `counting` returns it; nothing where it is not set."""
    _, _, messages, ends_at = counted
    amount = settings.DAILY_MESSAGES
    return [Left(MESSAGES, amount, max(0, amount - messages), instant_of(ends_at))] if amount else []


def raise_hold(charge: "Charge", spent: tuple[int, int], bound: Bound, now: datetime) -> Held:
    """Held what a further call may use, beside the tokens and the cost `spent` since the hold was taken.

    Returns the hold as it is then. Raises QuotaExceeded where there is not enough left.
    """
    hold, rules = charge.hold, charge.rules
    assert hold is not None, "only what is held can be raised"
    subjects = subjects_of(charge.asking, rules)
    _, states = _counted([locking(counter) for counter in hold.counters], subjects, rules, now)
    used = {each: _used(id_, states[each]) for each, id_ in zip(subjects, hold.counters, strict=True)}
    raised = replace(hold)
    _extend(raised, rules, used, bound, now, spent)
    tokens, cost = raised.tokens - hold.tokens, raised.cost - hold.cost
    run_all([_holding(counter, tokens, cost, now, 0, 0) for counter in hold.counters])
    return raised


def use_of(rules: Sequence[Rule], now: datetime) -> AllUsed:
    """Return what has been used of rules, as of now, without a lock."""
    monthly = {rule.subject for rule in rules if rule.period == MONTH}
    found = {}
    for subject in dict.fromkeys(rule.subject for rule in rules):
        rows = [_row(value) for value in run_all([_reading(subject, monthly, now)])[0]]
        current = next((row for row in rows if row.ends_at > now), None)
        found[subject] = Used(current or _unused(subject, now), rows)
    return found


def _unused(subject: Subject, now: datetime) -> CounterRow:
    day, _, ends_at = day_bounds(now, ZoneInfo(subject.zone))
    return CounterRow(0, day, ends_at, 0, 0, 0, 0, 0, 0, 0, 0)


def _counted(
    first: Sequence[Statement], subjects: Sequence[Subject], rules: Sequence[Rule], now: datetime
) -> tuple[list[list[Any]], dict[Subject, list[CounterRow]]]:
    """Run statements that count or lock, then read the counters; return the rows of the former, and the counters.

    Where several days count together, the others that are still current are locked too: one process may count on a
    day that has begun while the clock of another is still in the one before.
    """
    monthly = {rule.subject for rule in rules if rule.period == MONTH}
    spanning = monthly | {rule.subject for rule in rules if rule.unit == RUNNING}
    locks = [_locking_current(subject, now) for subject in subjects if subject in spanning]
    found = run_all([*first, *locks, *(_reading(subject, monthly, now) for subject in subjects)])
    read = found[len(first) + len(locks) :]
    return found[: len(first)], {each: list(map(_row, rows)) for each, rows in zip(subjects, read, strict=True)}


def _used(counter: int, rows: Sequence[CounterRow]) -> Used:
    return Used(next(row for row in rows if row.id == counter), rows)


def _locking_current(subject: Subject, now: datetime) -> Statement:
    return (
        "SELECT id FROM usage_counter WHERE subject = %s AND model = %s AND ends_at > %s ORDER BY ends_at"
        + for_update(),
        [subject.name, subject.model, instant(now)],
    )


def _reading(subject: Subject, monthly: Iterable[Subject], now: datetime) -> Statement:
    since = (now - RUNNING_DAYS).date()
    if subject in monthly:
        since = since.replace(day=1)
    return (
        f"SELECT {_COLUMNS} FROM usage_counter WHERE subject = %s AND model = %s AND day >= %s ORDER BY ends_at DESC",
        [subject.name, subject.model, as_date(since)],
    )


def _row(values: Any) -> CounterRow:
    id_, day, ends_at, *rest = values
    return CounterRow(id_, date_of(day), instant_of(ends_at), *rest)


def _require_room(rule: Rule, state: Used, now: datetime, messages: int, running: int) -> None:
    """Raise QuotaExceeded where one more message, or one more reply at the same time, is one too many."""
    used, _ = state.used(rule, now)
    if rule.unit == RUNNING:
        is_full = used + running > rule.amount
    elif rule.unit == MESSAGES and messages:
        used -= messages if rule.period != MINUTE else 0  # counted already
        is_full = used + messages > rule.amount
    else:
        return
    if is_full and (messages or running):
        raise _refusal(rule, used, 0, state, now)


def _extend(
    hold: Held, rules: Sequence[Rule], states: AllUsed, bound: Bound, now: datetime, spent: tuple[int, int] = (0, 0)
) -> None:
    """Make a hold as large as `spent` and one more call need, the answer as long as what is left allows."""
    output, tightest = bound.output, None
    for rule in rules:
        if rule.unit in (MESSAGES, RUNNING):
            continue
        used, held = states[rule.subject].used(rule, now)
        in_tokens = rule.unit == TOKENS
        left = rule.amount - used - held + (hold.tokens if in_tokens else hold.cost) - spent[0 if in_tokens else 1]
        allowed = bound.output_for_tokens(left) if in_tokens else bound.output_for_cost(left)
        if rule.is_shared and allowed < bound.output:  # one must not hold all that is left to many
            allowed = max(allowed // SHARE, min(allowed, settings.LEAST_OUTPUT_TOKENS))
        if allowed < output:
            output, tightest = allowed, (rule, used, held)
    if tightest and output < min(bound.output, settings.LEAST_OUTPUT_TOKENS):
        rule, used, held = tightest
        raise _refusal(rule, used, held, states[rule.subject], now)
    bounded = any(rule.unit not in (MESSAGES, RUNNING) for rule in rules)
    if bounded:
        hold.output = output
        hold.tokens, hold.cost = spent[0] + bound.tokens(output), spent[1] + bound.cost(output)


def _holding(counter: int, tokens: int, cost: int, now: datetime, messages: int, running: int) -> Statement:
    minute = minute_of(now)
    return (
        "UPDATE usage_counter SET held_tokens = held_tokens + %s, held_cost = held_cost + %s, running = running + %s, "
        "minute_messages = CASE WHEN minute = %s THEN minute_messages ELSE 0 END + %s, minute = %s WHERE id = %s",
        [tokens, cost, running, minute, messages, minute, counter],
    )


def _refusal(rule: Rule, used: int, held: int, state: Used, now: datetime) -> QuotaExceeded:
    return refusal(rule, used, held, state.resets_at(rule, now), now)
