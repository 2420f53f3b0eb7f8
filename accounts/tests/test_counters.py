"""What limits count is kept under the installation's own prefix."""

import pytest
from django.conf import settings as django_settings
from limits import RateLimitItemPerMinute

from accounts.security.counters import limiter


@pytest.mark.skipif(not django_settings.REDIS_URL, reason="there is no Redis in this run")
def test_the_prefix_covers_limits(settings) -> None:
    import redis

    limiter().take(RateLimitItemPerMinute(5), "somebody")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = [key for key in client.scan_iter("*somebody*") if key.startswith(settings.REDIS_PREFIX.encode())]

    assert len(keys) == 1
