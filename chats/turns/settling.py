"""What the end of a turn books: the calls that it made, on every counter that it held something of.

Behind the turn's fence, hence once.
"""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from chats.models import Chunk, Turn
from chats.parts import REASONING, TEXT
from chats.rows import MessageRow
from common.sql import Statement
from llm.client.types import Usage
from llm.routing import prices_in_force
from llm.tokens import estimated, size_of
from usage.allowance import Charge, Held
from usage.attempts import Account, AttemptRow, booking
from usage.counters import settlement
from usage.holds import lost_attempt
from usage.limits import Asking
from usage.models import Attempt, Counter


def settlements(turn_id: int, charge: Charge | None, calls: Sequence[AttemptRow], refund: bool) -> list[Statement]:
    """Return what books the calls of a run, and gives back what it held; of what is held only the row knows.

    Where nothing is booked no counter is locked: who supersedes a turn that waits still has messages to write.
    """
    if charge is None:
        return []
    tokens, cost = sum([row.tokens for row in calls]), sum([row.cost for row in calls])
    booked = booking(charge.account, calls)
    if charge.hold:
        turn = "FROM chats_turn WHERE id = %s)"
        held = f"(SELECT held_tokens {turn}", f"(SELECT held_cost {turn}"
        booked += [settlement(each, tokens, cost, refund, held, [turn_id, turn_id], 1) for each in charge.hold.counters]
    elif tokens or cost or refund:
        booked.append(settlement(charge.account.day_id, tokens, cost, refund))
    return booked


def lost_run(turn_id: int, reply: MessageRow) -> tuple[Charge, AttemptRow]:
    """Return where a turn is booked whose process is gone, and the call that stands for what it may have used.

    It has used what it held, at most; where it held nothing, what is stored of its reply is all that can be priced.
    """
    turn = Turn.objects.get(pk=turn_id)
    day_id = turn.usage_day or 0
    day = Counter.objects.filter(pk=day_id).values_list("day", flat=True).first() or turn.started_at.date()
    account = Account(Attempt.Kind.REPLY, turn.user_id, turn.api_key, day_id, day, turn.chat_id, turn.reply_id)
    hold = Held(turn.counters, turn.held_tokens, turn.held_cost) if turn.counters else None
    row = lost_attempt(reply.provider, reply.model, turn.started_at.timestamp(), turn.held_tokens, turn.held_cost)
    if not turn.held_tokens:
        _estimate(row, turn.reply_id)
    return Charge(account, Asking(turn.user_id, turn.api_key, settings.TIME_ZONE), hold=hold), row


def _estimate(row: AttemptRow, reply: UUID) -> None:
    """Estimate what a lost run came to by what it has stored; nobody knows any more what it had asked."""
    texts = Chunk.objects.filter(message=reply, kind__in=(TEXT, REASONING)).values_list("text", flat=True)
    prices = prices_in_force(f"{row.provider}/{row.model}")
    usage = Usage(0, estimated(sum(map(size_of, texts))))
    row.tokens_out, row.cost = usage.completion, prices.cost(usage)
    row.input_price, row.output_price, row.cached_input_price = prices.input, prices.output, prices.cached_input
