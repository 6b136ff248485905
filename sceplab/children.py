"""A service of the lab as a child process: started, heard, ended.

The child has its own session, so that a ^C in the terminal reaches the lab alone, which then ends its
children in order.  Its stdin is a pipe that closes when the lab is gone, however it went: then it ends too.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sceplab.errors import StartFailed

LAST_LINES = 15


class Child:
    """A running service.  ``on_end`` is called once, from a thread, when it has ended by itself or not."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        on_end: Callable[[str], None],
    ) -> None:
        self.name, self.log = name, log
        self._on_end = on_end
        self._ready: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        with _fresh_log(log) as stderr:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment, "SCEPLAB_CHILD": "1", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, name=f"listen-{name}", daemon=True)
        self._listener.start()

    def wait_ready(self, timeout: float) -> Mapping[str, Any]:
        """Wait for the ready line, and return what it says; StartFailed when none comes."""
        try:
            ready = self._ready.get(timeout=timeout)
        except queue.Empty:
            raise StartFailed(self._failure(f"was not ready within {timeout:g} s")) from None
        if ready is None:
            raise StartFailed(self.epitaph())
        return ready

    def epitaph(self) -> str:
        """Say how an ended child ended, with the last lines of its log."""
        status = self._process.wait()
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return self._failure(how)

    def ask_to_end(self) -> None:
        """Ask the child to end, and return at once."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def wait_ended(self, timeout: float) -> None:
        """Wait for the end; after ``timeout`` seconds kill the child and all that it started."""
        try:
            self._process.wait(max(timeout, 0))
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_stdin()
        self._listener.join(1)

    def _listen(self) -> None:
        """Take the ready line off the child's stdout; whatever else it prints goes to its log."""
        assert self._process.stdout
        with self._process.stdout as stdout, self.log.open("ab") as log:
            for line in stdout:
                ready = _ready_line(line)
                if ready is None:
                    log.write(line)
                    log.flush()
                else:
                    self._ready.put(ready)
        self._process.wait()
        self._ready.put(None)
        self._on_end(self.name)

    def _failure(self, what: str) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        said = "".join(f"\n    {line}" for line in lines) or " (empty)"
        return f"The service {self.name!r} {what}.  Its log is {self.log}; the last lines:{said}"


def _ready_line(line: bytes) -> Mapping[str, Any] | None:
    try:
        ready = json.loads(line)["ready"]
    except (ValueError, LookupError, TypeError):
        return None
    return ready if isinstance(ready, dict) else None


def _fresh_log(log: Path) -> Any:
    """Open a new log, for the owner alone, and keep the one before it as ``NAME.previous.log``."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
