"""Begins to measure, in each process that takes requests."""

from functools import cache

from common.periodic import register_periodic


@cache
def start_metrics() -> None:
    """Count and sample from now on; before the recurring jobs are run."""
    from ops.metrics.recording import count_from_now_on
    from ops.metrics.sampling import SECONDS, sample

    count_from_now_on()
    register_periodic("sampling of metrics", lambda: SECONDS, sample)
