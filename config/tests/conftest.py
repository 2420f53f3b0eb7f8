"""A server of the files that `collectstatic` would have left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Server


@pytest.fixture
def static_files(live: str, settings: Any, tmp_path: Path) -> Iterator[str]:
    """Return the address of a server whose `STATIC_ROOT` has one file, `site.css`."""
    from config.handler import Handler
    from config.response_headers import with_response_headers
    from config.statics import with_static_files

    (tmp_path / "site.css").write_text("body {}")
    settings.STATIC_ROOT = str(tmp_path)
    running = Server()
    config = running.server.config
    config.app, config.lifespan = with_response_headers(with_static_files(Handler())), "off"
    with running:
        yield running.url
