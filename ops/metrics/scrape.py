"""One scrape: the numbers of all processes of this `serve`, and what the database knows, as Prometheus reads them."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ops.metrics.directory import VARIABLE, alone_in, fold_ended

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render() -> bytes:
    """Return all metrics. It takes some milliseconds, and asks the database: not for a loop's thread."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    from ops.metrics.database import DatabaseGauges

    counted, asked, folder = CollectorRegistry(), CollectorRegistry(), Path(os.environ[VARIABLE])
    MultiProcessCollector(counted, str(folder))
    with alone_in(folder):
        fold_ended(folder)
        text = generate_latest(counted)
    asked.register(DatabaseGauges())
    return text + generate_latest(asked)


class ScrapeHandler(BaseHTTPRequestHandler):
    """Answers `/metrics`, and nothing else, on a port of its own."""

    timeout = 10
    server_version, sys_version = "Parley", ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        body = render()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: scrapes come again and again."""


def listen(host: str, port: int) -> None:
    """Answer on a port from now on, on threads of this process."""
    server = ThreadingHTTPServer((host, port), ScrapeHandler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
