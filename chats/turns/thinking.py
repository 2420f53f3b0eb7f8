"""How long a model reasons before it says something."""

from collections.abc import Sequence


class ThinkingTime:
    """The seconds of each part of the reasoning, from its first word to whatever came after it.

    `kept` are those of what a reply began with, of which `parts` were reasoning.
    """

    def __init__(self, kept: Sequence[float | None] | None, parts: int) -> None:
        known = [*(kept or ())][:parts]
        self._seconds: list[float | None] = [*known, *[None] * (parts - len(known))]
        self._since: float | None = None

    @property
    def seconds(self) -> list[float | None] | None:
        """Return them as they are stored."""
        return [each and round(each, 1) for each in self._seconds] or None

    def begin(self, now: float, goes_on: bool) -> None:
        """Note that reasoning comes; where it `goes_on`, it belongs to the part before."""
        self.end(now)
        if not goes_on:
            self._seconds.append(None)
        self._since = now

    def end(self, now: float) -> None:
        """Note that something else comes, or nothing more."""
        if self._since is not None:
            self._seconds[-1] = (self._seconds[-1] or 0.0) + now - self._since
            self._since = None
