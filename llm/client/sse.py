"""Server-sent events: bytes in, the `data` of each event out."""

import re

BOM = b"\xef\xbb\xbf"
MAX_EVENT = 16 * 2**20
IS_FIELD = re.compile(rb"(?:data|event|id|retry)?(?::|$)").match


class OverlongEvent(ValueError):
    """One event, or what stands outside of all events, grew beyond the bound."""


class Parser:
    """Cut a byte stream into events, whatever way it is split into chunks.

    Works on bytes because text methods also split at U+2028 and U+0085. Events without data are left out.
    `strays` are the lines that are no part of any event, such as a JSON document in the place of a stream.
    """

    __slots__ = ("_after_cr", "_buffer", "_max_event", "_opening", "_stray_size", "strays")

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self.strays: list[bytes] = []
        self._stray_size = 0
        self._buffer = bytearray()
        self._after_cr = False
        self._opening = True
        self._max_event = max_event

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and return the payloads that they complete."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_newlines(chunk)
        if self._buffer or not chunk.endswith(b"\n\n"):
            return self._feed_part(chunk)
        return self._payloads(chunk[:-2].split(b"\n\n"))

    def flush(self) -> list[bytes]:
        """Return what a stream left that ended without the last blank line."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._payloads([rest]) if rest else []

    def _with_newlines(self, chunk: bytes) -> bytes:
        """Make every line end LF; the CR of a split CRLF has already counted as one."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _feed_part(self, chunk: bytes) -> list[bytes]:
        buffer = self._buffer
        seen = max(0, len(buffer) - 1)
        buffer += chunk
        end = buffer.rfind(b"\n\n", seen)
        blocks = bytes(buffer[:end]).split(b"\n\n") if end >= 0 else []
        if end >= 0:
            del buffer[: end + 2]
        if len(buffer) > self._max_event:
            raise OverlongEvent
        return self._payloads(blocks)

    def _payloads(self, blocks: list[bytes]) -> list[bytes]:
        if self._opening and blocks:
            self._opening = False
            blocks[0] = blocks[0].removeprefix(BOM)
        found = []
        for block in blocks:
            usual = block.startswith(b"data: ") and b"\n" not in block
            if payload := block[6:] if usual else self._data_of(block):
                found.append(payload)
        return found

    def _data_of(self, block: bytes) -> bytes:
        """Join the data lines of one event; comments and other fields are skipped."""
        lines = []
        for line in block.split(b"\n"):
            if line.startswith(b"data:"):
                lines.append(line[5:].removeprefix(b" "))
            elif not IS_FIELD(line):
                self._keep_stray(line)
        return b"\n".join(lines)

    def _keep_stray(self, line: bytes) -> None:
        self.strays.append(line)
        self._stray_size += len(line)
        if self._stray_size > self._max_event:
            raise OverlongEvent
