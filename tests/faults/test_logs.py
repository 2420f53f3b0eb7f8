"""What an operator reads: the start, and a process that died."""

import os
import re
import signal
from collections.abc import Callable

from chats.tests.helpers import eventually
from tests.faults.cluster import Cluster
from tests.faults.stores import REDIS, PostgresDatabase


def test_the_start_and_a_process_that_is_replaced_are_logged(
    cluster: Callable[..., Cluster], database: PostgresDatabase
) -> None:
    (parent,) = cluster(database.url, REDIS, WEB_CONCURRENCY=2).start()
    ready = re.compile(r"INFO parley\.server \[-\] process (\d+) takes requests")
    eventually(lambda: len(ready.findall(parent.tail())) == 2)
    os.kill(victim := int(ready.findall(parent.tail())[0]), signal.SIGKILL)
    eventually(lambda: len(ready.findall(parent.tail())) == 3)
    new = ready.findall(parent.tail())[2]

    assert f"WARNING parley.server [-] process {victim} ended (-9); {new} takes its place" in parent.tail()
    assert re.search(
        r"INFO parley\.server \[-\] Parley \S+ starts: .* PostgreSQL \d+.*, Redis yes, 2 process", parent.tail()
    )
