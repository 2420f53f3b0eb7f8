"""Refusals of the catalogue and of moderation; what a provider does wrong is in `llm.client.errors`."""


class UnknownModel(Exception):
    """No listed model has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown model {name!r}.")
        self.name = name


class ProviderNotConfigured(Exception):
    """The model is known, but its vendor has neither key nor base address."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"Provider {provider!r} is not configured.")
        self.provider = provider


class ModerationUnavailable(Exception):
    """The text could not be judged."""
