"""Repair provider text that no database stores."""

from common.text import REPLACEMENT, is_storable, repaired


class Sanitizer:
    """Join surrogate halves across chunks; lone ones and NUL become U+FFFD."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the clean text so far; a high half at the end waits for its partner."""
        if not self._held and is_storable(text):
            return text
        text = self._held + text
        self._held = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return repaired(text)

    def flush(self) -> str:
        """Return what still waited at the end of the stream."""
        rest, self._held = self._held, ""
        return REPLACEMENT if rest else ""
