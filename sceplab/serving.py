"""An HTTP server for a WSGI application, in threads of this process."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import structlog
from cheroot import wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A PKIOperation by GET is one long request line: a 2048-bit request takes 4 KB, a bag of certificates 60 KB.
MAX_HEADER_BYTES = 256 * 1024
# cheroot looks whether it should stop this often: short, so that a lab ends at once.
STOP_INTERVAL_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class _Server(wsgi.Server):
    """cheroot's server, with its messages in our log and no socket left behind."""

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Log one message of cheroot's."""
        _log.log(level, "http-server", message=msg, exc_info=traceback)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """Bind the socket, or close it; cheroot would leave it open when the port is taken."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_


class HttpServer:
    """Serves ``app`` on ``host``; the port is bound, and known, when the constructor returns.

    Port 0 takes a free one.  OSError when the port is taken.
    """

    def __init__(
        self, app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, threads: int = 8
    ) -> None:
        self._host = host
        self._server = _Server((host, port), app, numthreads=threads, request_queue_size=128)
        self._server.max_request_header_size = MAX_HEADER_BYTES
        self._server.expiration_interval = STOP_INTERVAL_SECONDS
        self._server.shutdown_timeout = 1
        self._server.prepare()
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(target=self._server.serve, name=f"http-{self.port}", daemon=True)

    @property
    def url(self) -> str:
        """The server's address, ``http://127.0.0.1:8080``, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serve from now on; what connected before has waited."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, and wait for the requests in hand.  May be called twice, or without a start."""
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stop()
