"""`python -m common.small_picture SIDE PIXELS FORMAT…`: a picture in, a small clean WebP out.

A process of its own: decoding keeps the interpreter's lock from all other threads for as long as it takes, and what a
broken or a malicious file makes of a decoder ends here. Exit code 1 and one line on standard error: why not.
"""

import io
import resource
import sys
import warnings

from PIL import Image, ImageOps

MEMORY = 2**30
SECONDS = 20


def small_webp(side: int, pixels: int, formats: list[str]) -> bytes:
    """Return the picture as WebP, upright, without metadata, at most `side` wide and high; its first frame only."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=formats) as picture:
        width, height = picture.size
        if width * height > pixels:  # known from the header, before anything is decoded
            sys.exit(f"A picture has at most {pixels} pixels.")
        picture.draft("RGB", (side, side))
        ImageOps.exif_transpose(picture, in_place=True)
        upright = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        upright.thumbnail((side, side))
    clean = Image.new(upright.mode, upright.size)
    clean.paste(upright)
    written = io.BytesIO()
    clean.save(written, "WEBP", quality=85)
    return written.getvalue()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        made = small_webp(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    except Exception:  # Pillow's parsers raise whatever a broken file makes them
        sys.exit(f"This is no readable {', '.join(sys.argv[3:-1])} or {sys.argv[-1]} picture.")
    sys.stdout.buffer.write(made)
