"""A service of several processes, for tests: ``python fake_service.py COUNT [--fails]``.

``GET /`` answers the worker's number, its process and the lab time; ``/slow`` waits for a byte in the pipe
that the environment names as GATE; ``/die`` kills the worker.  The management port is the lab's own.
"""

import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sceplab.child import announce, wait_for_end
from sceplab.clock import ClockState, format_instant
from sceplab.logs import configure_logging
from sceplab.management import create_management_app
from sceplab.serving import HttpServer, Listener
from sceplab.shared_clock import SharedClock
from sceplab.workers import Workers, WorkersFailed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Nothing:
    name = "fake"
    is_steady = True

    def health(self):
        return {"threads": threading.active_count()}

    def timers(self):
        return [], 0

    def run_timers(self, after):
        return []


def main(count: int, option: str) -> None:
    clock = SharedClock(count, state=ClockState("frozen", 0, NOON))
    configure_logging(clock=clock)
    listener = Listener()

    @contextmanager
    def serve(worker):
        if option == "--fails":
            raise ValueError("no database")
        if worker:
            clock.join(worker)

        def answer(environ, start_response):
            match environ["PATH_INFO"]:
                case "/die":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "/slow":
                    os.write(2, b"slow begins\n")
                    with Path(os.environ["GATE"]).open("rb", buffering=0) as gate:
                        gate.read(1)
            start_response("200 OK", [])
            return [f"{worker} {os.getpid()} {format_instant(clock.now())}".encode()]

        with HttpServer(answer, listener=listener, threads=2) as server:
            yield server

    with ExitStack() as stack:
        stack.enter_context(Workers(count, serve))
        management = stack.enter_context(HttpServer(create_management_app(Nothing(), clock), threads=2))
        announce({"url": listener.url, "management": management.url})
        wait_for_end()


try:
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
except WorkersFailed as error:
    sys.exit(f"fake: {error}")
