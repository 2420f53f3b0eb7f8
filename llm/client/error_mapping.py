"""A vendor's refusal, in a status or inside a stream, in our words."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from llm.client.adapters.fields import objects
from llm.client.errors import PromptBlocked, ProviderBroken, ProviderBusy, ProviderError, ProviderRefused


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names are compared as bare letters and without "error" at their end: `RateLimitError` is `rate_limit_error`.
# Waiting does not help where money or a permission is missing, although vendors say 429 to it.
HOPELESS = _words(
    "insufficientquota insufficientbalance insufficientcredits billinghardlimitreached billingnotactive billing "
    "billingdisabled consumersuspended"
)
REFUSED = HOPELESS | _words(
    "invalidrequest invalidargument badrequest unprocessableentity authentication unauthenticated unauthorized "
    "permission permissiondenied forbidden failedprecondition invalidapikey modelnotfound notfound "
    "contextlengthexceeded exceedcontextsize contextwindowexceeded requesttoolarge invalidprompt"
)
BUSY = _words(
    "ratelimit ratelimited ratelimitexceeded toomanyrequests resourceexhausted server internal internalserver "
    "serviceunavailable unavailable provider providerunavailable provideroverloaded overloaded engineoverloaded "
    "serveroverloaded capacityexceeded timeout gatewaytimeout deadlineexceeded badgateway upstream api"
)
BLOCKED = {"contentfilter", "contentpolicyviolation", "responsibleaipolicyviolation"}
# What is said where nothing is named. Read to choose the error, never logged.
BUSY_WORDS = re.compile(
    r"rate.?limit|too many requests|overload|unavailable|try again|high demand|no worker|capacity", re.IGNORECASE
).search
FINE = {"0", "200", "ok", "success"}  # codes that some servers send with every object
PLAIN_NAME = re.compile(r"[\w.\-\[\]]{1,80}").fullmatch
HTTP_ERROR = re.compile("[45][0-9][0-9]").fullmatch
NOT_A_LETTER = re.compile("[^a-z]+")


def map_error(
    provider: str, body: Any, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ProviderError:
    """Choose the error for what a vendor sent: `status` is the HTTP one, None inside a stream."""
    error = _error_of(body)
    if status is None:
        status = _status_of(error)
    names = list(_names(error))
    kind = _kind(status, names, error.get("message"))
    # Names and codes only: a vendor's message may quote the prompt or the key.
    detail = " ".join([f"HTTP {status}"] * (status is not None) + names)
    return kind(provider, detail, _retry_after(headers or {}, error))


def refuse_error(provider: str, chunk: dict[str, Any]) -> None:
    """Raise the error that an object is by itself, without a field of that name (vLLM, some gateways)."""
    if _is_error(chunk):
        raise map_error(provider, chunk)


def _is_error(body: dict[str, Any]) -> bool:
    if "error" in (body.get("object"), body.get("type")):
        return True
    says = any(isinstance(body.get(name), str) and body[name] for name in ("message", "detail", "msg"))
    return says and "choices" not in body and str(body.get("code")).lower() not in FINE


def _kind(status: int | None, names: list[str], message: Any) -> type[ProviderError]:
    words = {NOT_A_LETTER.sub("", name.lower()).removesuffix("error") for name in names}
    if words & BLOCKED:
        return PromptBlocked
    if words & HOPELESS or any("PerDay" in name for name in names):
        return ProviderRefused
    if status is not None and (status in (408, 429) or status >= 500):
        return ProviderBusy
    if status is not None and status >= 300:
        return ProviderRefused
    if words & REFUSED:
        return ProviderRefused
    is_busy = words & BUSY or (isinstance(message, str) and BUSY_WORDS(message[:1000]))
    return ProviderBusy if is_busy else ProviderBroken


def _error_of(body: Any) -> dict[str, Any]:
    """Find the error object; Gemini may wrap it in a list, some servers send a bare string."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if isinstance(error, str):
        return {**body, "message": error}
    if isinstance(error, dict):
        return error
    return {"message": body.get("detail") or body.get("msg"), **body} if _is_error(body) else {}


def _status_of(error: dict[str, Any]) -> int | None:
    """Read the HTTP status that an error has inside a stream; other numbers are the vendor's own."""
    for name in ("code", "status", "status_code", "http_status"):
        value = error.get(name)
        if isinstance(value, int | str) and HTTP_ERROR(str(value)):
            return int(value)
    return None


def _names(error: dict[str, Any]) -> Iterator[str]:
    metadata = error.get("metadata")
    found = [error.get(key) for key in ("code", "type", "status", "param")]
    found += [metadata.get("error_type")] if isinstance(metadata, dict) else []
    for detail in _details(error):
        found.append(detail.get("reason"))
        found += [each.get("quotaId") for each in objects(detail.get("violations"))]
    yield from (name for name in found if isinstance(name, str) and PLAIN_NAME(name))


def _details(error: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from objects(error.get("details"))


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
    except (OverflowError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
