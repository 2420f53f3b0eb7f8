"""Logging: every line carries the correlation id of its request."""

import logging

from common.middleware import correlation_id


class CorrelationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation_id = correlation_id.get()
        return True
