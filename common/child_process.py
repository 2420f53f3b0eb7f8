"""Files of strangers are decoded in a process of their own, `python -m` one of our modules.

It cannot hold up this process, which a decoder that keeps the interpreter's lock would, and what a broken or malicious
file makes of a decoder ends there. Such a module begins with `limit`; exit code 1 and one line on standard error say
why not.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from common.errors import Unavailable

PROJECT = Path(__file__).resolve().parents[1]


class ChildFailed(Exception):
    """The text says why, to people; it is empty where the child did not get so far."""


def run_child(module: str, arguments: list[str], file: BinaryIO, seconds: float) -> bytes:
    """Return what a module makes of a file, which it reads as its standard input; raise ChildFailed or Unavailable."""
    file.flush()
    place = os.lseek(file.fileno(), 0, os.SEEK_CUR)  # where the buffer, which the child does not share, believes to be
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    command = [sys.executable, "-m", module, *arguments]
    # Nothing of our environment, keys least of all, is a decoder's business.
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command, stdin=file, capture_output=True, cwd=PROJECT, env=environment, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailed("This takes too long to read.") from error
    except OSError as error:
        raise Unavailable("The file could not be read; try again later.") from error
    finally:
        os.lseek(file.fileno(), place, os.SEEK_SET)
    if done.returncode != 0:
        raise ChildFailed(done.stderr.decode(errors="replace").strip() if done.returncode == 1 else "")
    return done.stdout


def limit(memory: int, seconds: int) -> None:
    """Bound this process; to be called by the child itself, before it reads anything."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
