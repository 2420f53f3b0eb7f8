"""`python -m common.small_picture SIDE PIXELS FORMAT [KIND…]`: a picture in, a small clean one out.

It runs in a process of its own (`common.child_process`); `common.pictures` calls it.
"""

import io
import sys
import warnings

from common.child_process import limit

MEMORY = 2**30
SECONDS = 20


def small_picture(side: int, pixels: int, form: str, kinds: list[str]) -> tuple[tuple[int, int], bytes]:
    """Return the size of a picture and a smaller one: upright, no metadata, its first frame only, JPEG on white."""
    from PIL import Image, ImageOps

    if "HEIF" in kinds:
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=kinds) as picture:
        size = picture.size
        picture.draft("RGB", (side, side))  # a JPEG is decoded no larger than it need be
        width, height = picture.size
        if width * height > pixels:  # known from the header, before anything is decoded
            sys.exit(f"A picture has at most {pixels:,} pixels.")
        turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        if "HEIF" not in kinds:  # whose library has turned it already
            ImageOps.exif_transpose(picture, in_place=True)
        upright = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        upright.thumbnail((side, side))
    clean = Image.new("RGB" if form == "JPEG" else upright.mode, upright.size, "white")
    clean.paste(upright, mask=upright if form == "JPEG" and upright.mode == "RGBA" else None)
    written = io.BytesIO()
    clean.save(written, form, quality=85)
    return (size[::-1] if turned and "HEIF" not in kinds else size), written.getvalue()


if __name__ == "__main__":
    limit(MEMORY, SECONDS)
    try:
        (across, down), made = small_picture(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    except Exception:  # Pillow's parsers raise whatever a broken file makes them
        sys.exit("This is no readable picture.")
    sys.stdout.buffer.write(f"{across} {down}\n".encode() + made)
