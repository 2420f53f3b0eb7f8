"""A server of our own, files of every kind, and what is left of them."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import Person


@pytest.fixture
def stored(settings, tmp_path) -> Iterator[Callable[[], list[str]]]:
    """Keep bytes in a folder of the test, and tell which files are in it."""
    settings.MEDIA_ROOT = settings.UPLOAD_FOLDER = str(tmp_path)
    yield lambda: sorted(path.name for path in Path(tmp_path).rglob("*") if path.is_file())


def picture(form: str = "PNG", size: tuple[int, int] = (900, 600), **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, form, **options)
    return written.getvalue()


def pdf(*pages: str) -> bytes:
    """Write a PDF by hand, one line of Helvetica a page."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    return out + f"{end}<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF".encode()


def upload(person: Person, data: bytes, name: str = "a.png") -> Any:
    return person.http.post("/api/files/", files={"file": (name, data, "text/html")})
