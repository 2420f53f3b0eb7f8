"""Everything that can go wrong between us and a provider, in our own words."""

from typing import ClassVar


class ProviderError(Exception):
    """A provider gave no complete reply.

    `detail` is for the log: it names statuses and codes, never keys or message text, and is
    not meant for users.
    """

    code: ClassVar[str] = "provider_failed"
    retryable: ClassVar[bool] = False

    def __init__(self, provider: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{provider}: {self.code}" + (f" ({detail})" if detail else ""))
        self.provider = provider
        self.detail = detail
        self.retry_after = retry_after


class ProviderBusy(ProviderError):
    """Rate limit, overload or no connection: the same request may succeed later."""

    code = "provider_busy"
    retryable = True


class ProviderRefused(ProviderError):
    """The provider will not take this request however often it is sent."""

    code = "provider_refused"


class ProviderBroken(ProviderError):
    """The stream was cut, malformed, or ended without saying why."""

    code = "provider_broken"


class EventTooLong(ProviderError):
    """One piece of the stream is larger than the longest reply could be."""

    code = "reply_too_long"


class PromptBlocked(ProviderError):
    """The provider's own filter refused the prompt; there is no reply."""

    code = "content_filter"
