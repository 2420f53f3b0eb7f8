"""What lies below `MEDIA_ROOT`, as a tar."""

import tarfile
from pathlib import Path

from django.conf import settings


def root() -> Path:
    return Path(settings.MEDIA_ROOT)


def pack_media(file: Path) -> int:
    """Write all files, those that vanish meanwhile left out; return how many. To be called after the database's dump.

    What is deleted between the two, nothing in the database would show much longer; what is added has no row in it.
    """
    count = 0
    with tarfile.open(file, "w") as tar:
        for path in sorted(root().rglob("*")):
            if path.is_file():
                try:
                    tar.add(path, path.relative_to(root()), recursive=False)
                    count += 1
                except FileNotFoundError:
                    continue
    return count


def unpack_media(file: Path) -> int:
    """Write them back, over what has the same names; return how many."""
    root().mkdir(parents=True, exist_ok=True)
    with tarfile.open(file) as tar:
        tar.extractall(root(), filter="data")
        return len(tar.getmembers())


def is_media_empty() -> bool:
    return not any(path.is_file() for path in root().rglob("*"))
