"""Logging: every line carries the correlation id of its request."""

import logging
from datetime import UTC, datetime

import orjson

from common.middleware import correlation_id
from common.text import repaired


class CorrelationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation_id = correlation_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for what collects logs; a line break inside of a text is none."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "correlation_id": getattr(record, "correlation_id", "-"),
            "message": repaired(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = repaired(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()
