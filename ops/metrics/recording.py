"""Counts what the engine and its calls of providers tell, at the end of each, never for each token."""

from collections.abc import Sequence
from typing import Any

from chats import signals
from llm.catalog import catalog
from ops.metrics import definitions as metrics
from usage.attempts import AttemptRow

OTHER = "other"


def count_from_now_on() -> None:
    """Listen from now on; once more changes nothing."""
    signals.run_ended.connect(count_run)
    signals.call_ended.connect(count_call)
    signals.replies_flushed.connect(count_flush)
    signals.turn_expired.connect(count_expired)


def labels(provider: str, model: str) -> tuple[str, str]:
    """Return both where the catalogue has the model: only as many series as staff have made rows."""
    return (provider, model) if catalog().named(f"{provider}/{model}") else (OTHER, OTHER)


def count_run(
    *, state: str, provider: str, model: str, fallback: dict[str, str] | None, first_text: float | None,
    gaps: Sequence[int], gap_seconds: float, **_: Any,
) -> None:  # fmt: skip
    answered_by = labels(provider, model)
    metrics.TURNS.labels(state, *answered_by).inc()
    if fallback:
        asked = fallback["asked"] if catalog().named(fallback["asked"]) else OTHER
        metrics.FALLBACKS.labels(asked, fallback["reason"]).inc()
    if first_text is not None:
        metrics.FIRST_TEXT.labels(*answered_by).observe(first_text)
    histogram = metrics.GAPS.labels(*answered_by)
    histogram._sum.inc(gap_seconds)
    for bucket, count in zip(histogram._buckets, gaps, strict=True):  # `observe` would take one at a time
        if count:
            bucket.inc(count)


def count_call(*, row: AttemptRow, number: int, **_: Any) -> None:
    asked = labels(row.provider, row.model)
    metrics.CALLS.labels(*asked, row.error).inc()
    if number > 1:
        metrics.RETRIES.labels(*asked).inc()
    for kind, tokens in (("input", row.tokens_in), ("output", row.tokens_out)):
        if tokens:
            metrics.TOKENS.labels(*asked, kind).inc(tokens)
    if row.cost:
        metrics.COST.labels(*asked).inc(row.cost / 1_000_000)


def count_flush(*, seconds: float, **_: Any) -> None:
    metrics.FLUSHES.observe(seconds)


def count_expired(*, was: str, **_: Any) -> None:
    metrics.EXPIRED.labels(was).inc()
