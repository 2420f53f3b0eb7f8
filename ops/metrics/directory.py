"""Where the processes of one `serve` put their numbers, for whichever answers a scrape.

prometheus_client has a file for each process and kind there. What a process has counted outlives it.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # is read when prometheus_client is imported
SUMS = ("counter", "histogram")
ENDED = "ended"


@contextmanager
def directory() -> Iterator[Path]:
    """Give the processes to come a fresh directory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="parley-metrics-") as folder:
        os.environ[VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop(VARIABLE, None)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other scrapes, in this process or another, from reading while files are folded."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fold_ended(folder: Path) -> None:
    """Add what processes that are gone have counted to one file, so that it stays; their gauges go with them."""
    for file in folder.glob("*.db"):
        kind, _, pid = file.stem.rpartition("_")
        if pid == ENDED or _is_alive(int(pid)):
            continue
        if kind in SUMS:
            _add(file, folder / f"{kind}_{ENDED}.db")
        file.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's by now
        return False
    return True


def _add(file: Path, to: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict

    sums = MmapedDict(str(to))
    try:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):
            sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
    finally:
        sums.close()
