"""Repair provider text that no database stores."""

from common.text import is_storable

_REPLACEMENT = "\ufffd"


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
        return _repaired(text)

    def flush(self) -> str:
        """Return what still waited at the end of the stream."""
        rest, self._held = self._held, ""
        return _REPLACEMENT if rest else ""


def _repaired(text: str) -> str:
    """UTF-16 is where two halves are one character; its decoder replaces the lone ones."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", _REPLACEMENT)
