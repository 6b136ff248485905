"""An HTTP server for a WSGI application, in threads of this process; several processes may share a port.

One loop reads all connections (waitress), and a thread gets a request only when it is whole: a client that is
silent, slow, or stops in the middle holds a socket and no thread.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import waitress

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A PKIOperation by GET is one long request line: a 2048-bit request takes 4 KB, a bag of certificates 60 KB.
MAX_HEADER_BYTES = 256 * 1024
# A PKIOperation by POST is of that size too; a longer body is refused (413), also when it comes in chunks.
MAX_BODY_BYTES = 2 * 1024 * 1024
# The CA has three of these servers, and 1024 descriptors are all that many systems allow.
MAX_CONNECTIONS = 300
BACKLOG = 128
IDLE_SECONDS = 30
IDLE_CHECK_SECONDS = 5
# How long a stop waits for the requests in hand.
STOP_SECONDS = 1

# waitress warns whenever a request waits for a thread, which a burst of routers does to any server.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class Listener:
    """A port that is bound and listens, for one server or, over a fork, for one in each of several processes.

    Port 0 takes a free one.  OSError when the port is taken.  Who connects waits until somebody serves.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        # Not by waitress: it would leave threads and a pipe behind when the port is taken, and would
        # listen on several ports when a name has several addresses.
        self.socket = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
        self.port: int = self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The address, ``http://127.0.0.1:8080``, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Let go of the port; other processes that have it keep it.  A server does this when it stops."""
        self.socket.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


class HttpServer:
    """Serves ``app`` on ``host``; the port is bound, and known, when the constructor returns.

    With ``listener`` it serves what is bound already, and ``host`` and ``port`` are not looked at.
    """

    def __init__(
        self,
        app: WSGIApplication,
        host: str = "127.0.0.1",
        port: int = 0,
        threads: int = 8,
        *,
        listener: Listener | None = None,
    ) -> None:
        listener = listener or Listener(host, port)
        self.port, self.url = listener.port, listener.url
        self._server = waitress.create_server(
            app,
            map={},
            sockets=[listener.socket],
            server_name=listener.host,
            threads=threads,
            backlog=BACKLOG,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=IDLE_CHECK_SECONDS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            # Bodies stay in memory: waitress leaves its temporary file open when a client goes half-way.
            inbuf_overflow=MAX_BODY_BYTES,
            # select() takes no descriptor above 1023.
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
            ident="scep-lab",
        )
        self._thread = threading.Thread(target=self._server.run, name=f"http-{self.port}", daemon=True)
        self._stopped = False

    def start(self) -> None:
        """Serve from now on; what connected before has waited."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving: wait for the requests in hand, close every connection.

        May be called twice, or without a start.
        """
        if self._stopped:
            return
        self._stopped = True
        # The threads first: one that is still at work would write to the trigger's pipe after it is closed.
        self._server.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        if self._thread.is_alive():
            # Wakes the loop, which runs this in its own thread: no other may touch the connections.
            self._server.trigger.pull_trigger(self._close)
            self._thread.join()
        else:
            self._close()

    def _close(self) -> None:
        """Close every socket, by which the loop has nothing left to watch and ends."""
        for connection in list(self._server.active_channels.values()):
            # A thread only leaves its answer in the buffer, and the loop may not have come to send it.
            if connection.total_outbufs_len:
                connection.handle_write()
            # And not ``close``: this also frees the buffers and wakes a thread that waits on one.
            connection.handle_close()
        self._server.close()

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stop()
