"""Counts requests by route: its template, never what stood in the path."""

import time
from typing import Any

from ops.metrics import definitions as metrics

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def with_request_metrics(application: Any) -> Any:
    """Wrap the application. Nothing is wrapped around what it sends: a stream's tokens pass as before."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        begun = time.monotonic()
        try:
            await application(scope, receive, send)
        finally:
            _count(scope, begun)

    return wrapped


def _count(scope: Any, begun: float) -> None:
    if "answered" not in scope:  # who asked has left
        return
    status, at = scope["answered"]
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = _route(scope)
    metrics.REQUESTS.labels(route, method, str(status)).inc()
    metrics.ANSWERED.labels(route).observe(at - begun)


def _route(scope: Any) -> str:
    """Return the template with one spelling of the last slash; what is no address of ours has one name."""
    route: str = scope.get("route", "static")
    return f"/{route.rstrip('/')}" if route != "" else "unknown"
