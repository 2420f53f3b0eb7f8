"""History buckets: days of the user's zone, midnight to midnight on the calendar."""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from common.time_zones import first_instant


class Bucket(StrEnum):
    TODAY = "today"
    YESTERDAY = "yesterday"
    SEVEN_DAYS = "seven_days"


DAYS_AGO = {Bucket.TODAY: (0, -1), Bucket.YESTERDAY: (1, 0), Bucket.SEVEN_DAYS: (7, 1)}


def bucket_edges(bucket: Bucket, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the half-open interval of UTC instants that a bucket covers."""
    today = now.astimezone(zone).date()
    first, last = (today - timedelta(days=days) for days in DAYS_AGO[bucket])
    return first_instant(first, zone), first_instant(last, zone)
