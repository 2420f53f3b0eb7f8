"""`python -m files.pdf_text CHARS`: a PDF in, its text out. A process of its own (`common.child_process`).

What it writes begins with a line of its own: pages read, and how many there are.
"""

import logging
import sys

from common.child_process import limit

MEMORY = 2**29
SECONDS = 20
UNPACKED = 2**24  # bytes of one stream; what a page draws has seldom a tenth of that


def pdf_text(most: int) -> tuple[int, int, str]:
    """Return how many pages were read, of how many, and their text, of at most so many characters."""
    import io

    from pypdf import PdfReader, overwrite_configuration

    overwrite_configuration(
        disable_legacy_handling=True, zlib_maximum_output_length=UNPACKED, lzw_maximum_output_length=UNPACKED,
        run_length_maximum_output_length=UNPACKED, array_based_stream_maximum_output_length=UNPACKED,
    )  # fmt: skip
    reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()), root_object_recovery_limit=100)
    if reader.is_encrypted and not reader.decrypt(""):
        sys.exit("encrypted")
    texts, left, read = list[str](), most, 0
    for page in reader.pages:
        text = page.extract_text().strip()
        texts.append(text[:left])
        left -= len(text)
        read += 1
        if left <= 0:
            break
    return read, len(reader.pages), "\n\n".join(filter(None, texts))


if __name__ == "__main__":
    limit(MEMORY, SECONDS)
    logging.disable()
    try:
        read, pages, text = pdf_text(int(sys.argv[1]))
    except Exception:  # whatever a broken file makes of a parser
        sys.exit("unreadable")
    sys.stdout.buffer.write(f"{read} {pages}\n".encode() + text.encode("utf-8", "replace"))
