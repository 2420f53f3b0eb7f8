"""A TCP relay between browser and server that can be cut."""

import contextlib
import socket
import struct
import threading
from typing import Self

RESET = struct.pack("ii", 1, 0)  # close sends RST, as a lost network does in the end


class Wire:
    """Listens on a port of its own; while it is cut, nobody gets through."""

    def __init__(self, port: int) -> None:
        self._target, self._cut, self._open = port, False, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection, and those that are tried from now on."""
        self._cut = True
        for end in self._open:
            _reset(end)
        self._open.clear()

    def mend(self) -> None:
        self._cut = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                if self._cut:
                    _reset(here)
                else:
                    there = socket.create_connection(("127.0.0.1", self._target))
                    self._open += [here, there]
                    for pair in ((here, there), (there, here)):
                        threading.Thread(target=_relay, args=pair, daemon=True).start()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()
