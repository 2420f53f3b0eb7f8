"""What bounds use: the rules that apply to whoever asks, and what a call may hold within them.

All counters of a rule are locked before they are judged, so that no parallelism gets past a rule, on any door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Q

from usage.counters import Subject, of_user
from usage.models import Limit

MILLION = 1_000_000
# SQL that tells whether there are limits at all: most servers have none, and then nothing else is read.
HAS_LIMITS = "(SELECT 1 FROM usage_limit WHERE enabled LIMIT 1)"
RANKS = ("user", "key", "group", "everyone")
DAY, MONTH, MINUTE = Limit.Period.DAY, Limit.Period.MONTH, Limit.Period.MINUTE
MESSAGES, TOKENS, COST, RUNNING = Limit.Unit.MESSAGES, Limit.Unit.TOKENS, Limit.Unit.COST, Limit.Unit.RUNNING


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for something that counts."""

    user_id: int
    key_id: UUID | None
    zone: str

    @property
    def subject(self) -> Subject:
        return of_user(self.user_id, self.zone)


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit as it applies to whoever asks."""

    name: str
    subject: Subject
    unit: str
    period: str
    amount: int
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call can use: tokens of its prompt, of each of its answers, and prices for a million tokens."""

    prompt: int
    output: int
    input_price: int = 0
    output_price: int = 0
    answers: int = 1

    def tokens(self, output: int) -> int:
        return self.prompt + output * self.answers

    def cost(self, output: int) -> int:
        """Return micro-units, rounded up."""
        return -(-(self.prompt * self.input_price + output * self.answers * self.output_price) // MILLION)

    def output_for_tokens(self, left: int) -> int:
        """Return how long each answer may be within so many tokens."""
        return (left - self.prompt) // self.answers

    def output_for_cost(self, left: int) -> int:
        """Return how long each answer may be within so many micro-units."""
        rest = left * MILLION - self.prompt * self.input_price
        price = self.answers * self.output_price
        return rest // price if price else (self.output if rest >= 0 else -1)


def rules_for(asking: Asking, model: str | None, has_limits: bool = True) -> list[Rule]:
    """Return what bounds a call of a model; None: all that bounds a user, and their keys."""
    rules = [_rule(asking, limit) for limit in _limits(asking, model)] if has_limits else []
    if settings.DAILY_TOKENS:
        rules.insert(0, Rule("Tokens a day", asking.subject, TOKENS, DAY, settings.DAILY_TOKENS))
    return rules


def _limits(asking: Asking, model: str | None) -> Sequence[Limit]:
    everyone = Q(user=None, group=None, key=None)
    theirs = Q(user=asking.user_id) | Q(group__in=Group.objects.filter(user=asking.user_id))
    if model is None:
        theirs |= Q(key__user=asking.user_id)
    elif asking.key_id:
        theirs |= Q(key=asking.key_id)
    found = Limit.objects.filter(everyone | theirs, enabled=True)
    return list(found if model is None else found.filter(model__in=["", model]))


def _rule(asking: Asking, limit: Limit) -> Rule:
    server = settings.TIME_ZONE
    if limit.key_id:
        subject = Subject(f"key:{limit.key_id}", asking.zone, limit.model)
    elif limit.is_shared:
        subject = Subject(f"group:{limit.group_id}" if limit.group_id else "everyone", server, limit.model)
    else:
        subject = Subject(asking.subject.name, asking.zone, limit.model)
    return Rule(limit.name, subject, limit.unit, limit.period, limit.amount, limit.is_shared)


def subjects_of(asking: Asking, rules: Sequence[Rule]) -> list[Subject]:
    """Return whose counters are touched, in the lock order; the user's own is always the first."""
    others = {rule.subject for rule in rules} - {asking.subject}
    return [asking.subject, *sorted(others, key=_rank)]


def _rank(subject: Subject) -> tuple[int, str, str]:
    return RANKS.index(subject.name.partition(":")[0]), subject.name, subject.model
