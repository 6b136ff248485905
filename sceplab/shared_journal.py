"""The journal of a service that is several processes: its workers send their entries to the first one.

What the first process cannot take in time is lost, and counted: no client of a worker waits for a journal.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
from dataclasses import replace
from typing import Any

from sceplab.clock import Clock
from sceplab.journal import Entry, Journal, read_entry

# An entry is one datagram, whole or not at all.
_BUFFER_OCTETS = 4 * 1024 * 1024
_LONGEST = 512 * 1024
_END = b"{}"


class SharedJournal(Journal):
    """Made before the processes are; each worker calls ``join``, and the first process is the context."""

    def __init__(self, service: str, clock: Clock) -> None:
        super().__init__(service, clock)
        self._reading, self._writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_OCTETS)
        self._reader: threading.Thread | None = None
        self._is_worker = False
        self._lost = 0

    def join(self) -> None:
        """This is a worker: from now on its entries go to the first process."""
        self._is_worker = True
        self._writing.setblocking(False)

    def __enter__(self) -> SharedJournal:
        self._reader = threading.Thread(target=self._listen, name="journal", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writing.setblocking(True)
        self._writing.send(_END)
        if self._reader is not None:
            self._reader.join()
        self._reading.close()
        self._writing.close()

    def _put(self, entry: Entry) -> None:
        if not self._is_worker:
            super()._put(entry)
            return
        with self._changed:
            if self._lost:
                entry = replace(entry, details={**entry.details, "lost_before": self._lost})
            if self._send(entry) or (entry.messages and self._send(replace(entry, messages={}))):
                self._lost = 0
            else:
                self._lost += 1

    def _send(self, entry: Entry) -> bool:
        """Whether there was room for it; there is none either where nobody is there any more."""
        datagram = _encode(entry)
        if len(datagram) > _LONGEST:
            return False
        try:
            self._writing.send(datagram)
        except OSError:
            return False
        return True

    def _listen(self) -> None:
        while (datagram := self._reading.recv(_LONGEST)) != _END:
            value = json.loads(datagram)
            messages = {name: base64.b64decode(octets) for name, octets in value.pop("octets").items()}
            super()._put(replace(read_entry(value), messages=messages))


def _encode(entry: Entry) -> bytes:
    octets = {name: base64.b64encode(each).decode() for name, each in entry.messages.items()}
    return json.dumps(entry.to_json() | {"octets": octets}).encode()
