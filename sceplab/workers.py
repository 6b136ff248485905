"""Several processes that serve the same ports: started, watched, started again, ended.

The service forks once, before it has threads or connections, and never again: a fork copies other threads'
locks in whatever state they are, and the service runs its management API in threads when a dead worker is
to be replaced.  So the forked *keeper*, which has one thread for ever, is who forks the workers.  Forked and
not spawned: a worker needs the bound ports, the shared clock and the keys, which a fork hands over as they
are, and it is there in milliseconds where an import of everything takes a second.

    service --- keeper --- worker 1
                      `--- worker 2 ...

Nobody outlives who started him, however that one went: the keeper holds the reading end of a pipe whose
other end only the service has, and a worker that of one whose other end only the keeper has.  It is their
stdin, which ``wait_for_end`` watches in a worker as in any child of the lab.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from types import FrameType
from typing import Any, Protocol

import structlog

from sceplab.child import wait_for_end

# More than this many workers that ended by themselves in as many seconds, and the service ends.
RESTARTS = 5
RESTARTS_SECONDS = 60.0
# How long the workers' requests in hand may take at the end; less than the lab gives the whole service.
END_SECONDS = 2.5
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger(__name__)


class Serve(Protocol):
    """What a worker does: it serves while the context that this returns is open."""

    def __call__(self, worker: int, /) -> AbstractContextManager[object]:
        """Open what belongs to one process: connections, servers.  ``worker`` counts from 1."""
        ...


class WorkersFailed(Exception):
    """The workers cannot run; the text says why."""


class Workers:
    """Runs ``serve(1)`` to ``serve(count)``, each in a process, for as long as the ``with`` block lasts.

    With one worker there is no other process: ``serve(0)`` is opened in this one.  Enter it in the main
    thread, before the process has other threads or database connections.  All workers serve when it is
    entered; WorkersFailed when one cannot.  When they cannot be kept running, this process gets a SIGTERM,
    and leaving the block raises WorkersFailed.
    """

    def __init__(self, count: int, serve: Serve) -> None:
        self._count, self._serve = count, serve
        self._stack = ExitStack()
        self._keeper = 0
        self._life = self._news = -1
        self._stopping = threading.Event()
        self._lost = False

    def __enter__(self) -> Workers:
        if self._count == 1:
            self._stack.enter_context(self._serve(0))
            return self
        self._fork_keeper()
        self._watcher = threading.Thread(target=self._watch, name="workers", daemon=True)
        try:
            self._wait_ready()
        except BaseException:
            self._stop()
            raise
        self._watcher.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()
        if self._count == 1:
            return
        self._stopping.set()
        self._stop()
        if self._lost:
            raise WorkersFailed("the worker processes could not be kept running; the log says why")

    def _fork_keeper(self) -> None:
        (life, self._life), (self._news, news) = os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()

        def keep() -> None:
            os.close(self._life)
            os.close(self._news)
            # What the service says on stdout, to who started it, is its own to say.
            os.dup2(sys.stderr.fileno(), 1)
            _Keeper(self._count, self._serve, life, news).run()

        self._keeper = _fork(keep)
        os.close(life)
        os.close(news)

    def _wait_ready(self) -> None:
        with os.fdopen(os.dup(self._news), "rb") as news:
            for _ in range(self._count):
                said = json.loads(news.readline() or '{"failed": "the worker processes ended as they began"}')
                if "failed" in said:
                    raise WorkersFailed(said["failed"])

    def _watch(self) -> None:
        """End the service when its keeper is gone."""
        while os.read(self._news, 4096):
            pass
        if not self._stopping.is_set():
            self._lost = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _stop(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._keeper, signal.SIGTERM)
        os.close(self._life)
        os.waitpid(self._keeper, 0)
        if self._watcher.ident:
            self._watcher.join()
        os.close(self._news)


class _Keeper:
    """The process that has the workers.  ``life`` ends when the service does; ``news`` is its ear."""

    def __init__(self, count: int, serve: Serve, life: int, news: int) -> None:
        self._count, self._serve, self._news = count, serve, news
        os.dup2(life, 0)
        os.close(life)
        self._workers_life, self._own_life = os.pipe()
        self._workers: dict[int, int] = {}  # process id: number
        self._ended: deque[float] = deque()
        self._asked_to_end = False
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # ^C in a terminal reaches the workers too: that they end is then no failure.
        self._asked_to_end |= number != signal.SIGCHLD

    def run(self) -> None:
        """Keep all workers running until the service ends, or asks, or too many of them end by themselves."""
        for worker in range(1, self._count + 1):
            self._start(worker)
        try:
            while self._wait() and self._replace():
                pass
        finally:
            self._stop()

    def _start(self, worker: int) -> None:
        # Blocked, or a signal in the child's first moment would be told to the keeper, whose pipe it has.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._workers[_fork(lambda: self._be_worker(worker))] = worker
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _be_worker(self, worker: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # ``wait_for_end`` hears these.  Before and after, they must not break off what a worker is doing: one
        # ^C comes from the terminal and as the end of stdin.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.dup2(self._workers_life, 0)
        for descriptor in (self._workers_life, self._own_life, self._wake_read, self._wake_write):
            os.close(descriptor)
        os.environ["SCEPLAB_CHILD"] = "1"
        try:
            stack = ExitStack()
            stack.enter_context(self._serve(worker))
        except Exception as error:
            self._tell({"failed": str(error) or repr(error)})
            raise
        with stack:
            self._tell({"ready": worker})
            os.close(self._news)
            wait_for_end()

    def _tell(self, news: dict[str, object]) -> None:
        with suppress(BrokenPipeError):
            os.write(self._news, json.dumps(news).encode()[:4000] + b"\n")

    def _wait(self) -> bool:
        """Wait for a signal; whether to go on."""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select()}
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        return not self._asked_to_end and 0 not in ready

    def _replace(self) -> bool:
        """Start anew who ended; False when that happens too often."""
        ended = [(self._workers.pop(process), process, _how(status)) for process, status in _reaped()]
        for worker, process, how in ended:
            now = time.monotonic()
            self._ended.append(now)
            while self._ended[0] < now - RESTARTS_SECONDS:
                self._ended.popleft()
            if len(self._ended) > RESTARTS:
                limit = f"{RESTARTS} in {RESTARTS_SECONDS:g} s"
                _log.error("workers-end-too-often", worker=worker, process=process, how=how, limit=limit)
                return False
            self._start(worker)
            _log.warning("worker-restarted", worker=worker, process=process, how=how)
        return True

    def _stop(self) -> None:
        """Have every worker finish what it has in hand; kill who takes too long."""
        os.close(self._own_life)
        deadline = time.monotonic() + END_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            while self._reap() and (left := deadline - time.monotonic()) > 0:
                selector.select(left)
                with suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
        for process, worker in self._workers.items():
            _log.warning("worker-killed", worker=worker, process=process)
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def _reap(self) -> bool:
        """Whether workers are left."""
        for process, _ in _reaped():
            del self._workers[process]
        return bool(self._workers)


def _reaped() -> list[tuple[int, int]]:
    """The children that have ended, with their wait status."""
    reaped = []
    with suppress(ChildProcessError):
        while (each := os.waitpid(-1, os.WNOHANG))[0]:
            reaped.append(each)
    return reaped


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _fork(work: Callable[[], None]) -> int:
    """Run ``work`` in a new process, which ends with it and never comes to what stands below the call."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    except Exception as error:
        _log.error("process-failed", exc_info=error)
    finally:
        sys.stderr.flush()
        os._exit(status)
