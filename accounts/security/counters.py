"""Atomic counters for limits: in Redis where there is one, else in this process.

While Redis is away each process counts for itself, so a limit is looser by the number of processes; nothing fails.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

logger = logging.getLogger("parley.accounts")
T = TypeVar("T")
RETRY_REDIS_AFTER = 5.0
REDIS_TIMEOUT = 1.0


class Counters:
    """Two ways to count over one storage."""

    def __init__(self, storage: MemoryStorage | RedisStorage) -> None:
        self.storage = storage
        self.moving = MovingWindowRateLimiter(storage)
        self.fixed = FixedWindowRateLimiter(storage)


class Limiter:
    """Takes from limits, atomically; a refused attempt uses nothing up."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        self._memory = Counters(MemoryStorage())
        self._lock = threading.Lock()  # MemoryStorage loses counts when threads meet on a new key
        self._redis = _redis_counters(redis_url, prefix) if redis_url else None
        self._redis_away_until = 0.0

    def _count(self, operation: Callable[[Counters], T]) -> T:
        if self._redis is not None and time.monotonic() >= self._redis_away_until:
            from redis.exceptions import RedisError

            try:
                return operation(self._redis)
            except RedisError as error:
                self._redis_away_until = time.monotonic() + RETRY_REDIS_AFTER
                logger.warning("Redis is away (%s): limits are counted per process", type(error).__name__)
        with self._lock:
            return operation(self._memory)

    def take(self, item: RateLimitItem, *key: str) -> float | None:
        """Take one from a moving window; return None, or the seconds to wait where it is used up."""

        def operation(counters: Counters) -> float | None:
            if counters.moving.hit(item, *key):
                return None
            return max(1.0, counters.moving.get_window_stats(item, *key).reset_time - time.time())

        return self._count(operation)

    def forget(self, item: RateLimitItem, *key: str) -> None:
        """Empty a moving window."""
        self._count(lambda counters: counters.moving.clear(item, *key))

    def take_fixed(self, item: RateLimitItem, *key: str) -> float | None:
        """Like `take`, on a window that can be given back to."""

        def operation(counters: Counters) -> float | None:
            if counters.fixed.hit(item, *key):
                return None
            return max(1.0, counters.fixed.get_window_stats(item, *key).reset_time - time.time())

        return self._count(operation)

    def give_back(self, item: RateLimitItem, *key: str) -> None:
        """Undo one `take_fixed`."""
        self._count(lambda counters: counters.storage.incr(item.key_for(*key), item.get_expiry(), -1))

    def reset(self) -> None:
        """Forget all counts under this prefix (for tests)."""
        self._count(lambda counters: counters.storage.reset())


def _redis_counters(url: str, prefix: str) -> Counters:
    # Redis's client takes 6 MiB and 0.1 s: only who uses it pays for it.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    once = Retry(NoBackoff(), 0)  # the default tries for seconds, while somebody waits to sign in
    options: Any = {"socket_timeout": REDIS_TIMEOUT, "socket_connect_timeout": REDIS_TIMEOUT, "retry": once}
    return Counters(RedisStorage(url, key_prefix=prefix, **options))


_making = threading.Lock()


def limiter() -> Limiter:
    """Return the one limiter of this process."""
    with _making:  # `cache` alone would let threads that come first together count apart
        return _limiter()


@cache
def _limiter() -> Limiter:
    return Limiter(settings.REDIS_URL, f"{settings.REDIS_PREFIX}:limits")


def forget_limiter() -> None:
    """Have the next use read the settings again (for tests)."""
    _limiter.cache_clear()
