"""Static files: what is not among them is not there, in development and in production."""

from typing import Any

import pytest

from config.tests.wire import dial, everything, head

OUTSIDE = [
    "/static/../../manage.py", "/static/%2e%2e/%2e%2e/manage.py", "/static//etc/passwd", "/static/..%5c..%5cmanage.py",
    "/static/%00", "/static/", "/static/x" + "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_outside_is_not_there(request: pytest.FixtureRequest, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    url = request.getfixturevalue("static_files")
    for path in OUTSIDE:
        with dial(url) as client:
            client.sendall(head(path, "GET", Connection="close"))
            answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 404 "), (path, answer[:300])
        assert b"Traceback" not in answer
