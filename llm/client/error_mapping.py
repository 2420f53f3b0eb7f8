"""A vendor's refusal, in a status or inside a stream, in our words."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from llm.client.errors import PromptBlocked, ProviderBroken, ProviderBusy, ProviderError, ProviderRefused

# Waiting does not help where money or a permission is missing, although vendors say 429 to it.
HOPELESS = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "BILLING_DISABLED",
    "CONSUMER_SUSPENDED",
}
REFUSED = HOPELESS | {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "invalid_api_key",
    "not_found_error",
    "request_too_large",
    "invalid_prompt",
    "model_not_found",
    "context_length_exceeded",
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "NOT_FOUND",
}
BUSY = {
    "rate_limit_exceeded",
    "rate_limit_error",
    "server_error",
    "api_error",
    "timeout_error",
    "service_unavailable",
    "overloaded",
    "overloaded_error",
    "engine_overloaded",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "INTERNAL",
    "DEADLINE_EXCEEDED",
}
BLOCKED = {"content_filter", "content_policy_violation"}
PLAIN_NAME = re.compile(r"[\w.\-\[\]]{1,80}").fullmatch


def map_error(
    provider: str, body: Any, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ProviderError:
    """Choose the error for what a vendor sent: `status` is the HTTP one, None inside a stream."""
    error = _error_of(body)
    code = error.get("code")
    if status is None and isinstance(code, int):
        status = code
    names = list(_names(error))
    kind = _kind(status, set(names))
    # Names and codes only: a vendor's message may quote the prompt or the key.
    detail = " ".join([f"HTTP {status}"] * (status is not None) + names)
    return kind(provider, detail, _retry_after(headers or {}, error))


def _kind(status: int | None, names: set[str]) -> type[ProviderError]:
    if names & BLOCKED:
        return PromptBlocked
    if names & HOPELESS or any("PerDay" in name for name in names):
        return ProviderRefused
    if status is not None and (status in (408, 429) or status >= 500):
        return ProviderBusy
    if status is not None and status >= 300:
        return ProviderRefused
    if names & REFUSED:
        return ProviderRefused
    return ProviderBusy if names & BUSY else ProviderBroken


def _error_of(body: Any) -> dict[str, Any]:
    """Find the error object; Gemini may wrap it in a list, some servers send a bare string."""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _names(error: dict[str, Any]) -> Iterator[str]:
    found = [error.get(key) for key in ("code", "type", "status", "param")]
    for detail in _details(error):
        found.append(detail.get("reason"))
        violations = detail.get("violations") or ()
        found += [each.get("quotaId") for each in violations if isinstance(each, dict)]
    yield from (name for name in found if isinstance(name, str) and PLAIN_NAME(name))


def _details(error: dict[str, Any]) -> Iterator[dict[str, Any]]:
    details = error.get("details")
    if isinstance(details, list):
        yield from (each for each in details if isinstance(each, dict))


def _retry_after(headers: Mapping[str, str], error: dict[str, Any]) -> float | None:
    """Read how long to wait: milliseconds, seconds or a date in a header, or Gemini's RetryInfo."""
    delays = (str(each["retryDelay"]).rstrip("s") for each in _details(error) if "retryDelay" in each)
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("Retry-After")
    for wait in (_seconds(header), _until(header), _seconds(next(delays, None))):
        if wait is not None:
            return wait
    return None


def _seconds(value: str | None) -> float | None:
    is_number = value is not None and re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", value)
    return float(value) if value and is_number else None


def _until(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
