"""`python -m search.tests.indexer SECONDS OWNER`: a process that indexes the log, and as a search would."""

import os
import sys
import time

import django


def main(seconds: float, owner_id: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from search.indexing import index_newest
    from search.tests.helpers import index_all

    until = time.monotonic() + seconds
    print("ready", flush=True)
    while time.monotonic() < until:
        index_all()
        index_newest(owner_id)
        time.sleep(0.01)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
