"""How a service says where it is, to its parent ``sceplab up`` or in a shared folder, and knows when to end.

A child says on stdout, in one line of JSON, that it is ready and where; it ends at SIGTERM, at SIGINT,
or, with ``SCEPLAB_CHILD=1``, when its stdin ends: a parent that was killed leaves no child behind.

With ``SCEPLAB_NAME`` it is a host of that name, a container say, and says it in the folder that
``SCEPLAB_ENDPOINTS`` names, where the commands find it.  It is not printed then: the passwords would be in
the container's log.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from sceplab.endpoints import on_host
from sceplab.files import write_json
from sceplab.places import ENDPOINTS_VARIABLE

NAME_VARIABLE = "SCEPLAB_NAME"
CHILD_VARIABLE = "SCEPLAB_CHILD"


def announce(endpoints: Mapping[str, object]) -> None:
    """Say to the parent that the service is ready, and where."""
    print(json.dumps({"ready": endpoints}), flush=True)


@contextmanager
def announced(endpoints: Mapping[str, Any]) -> Iterator[None]:
    """Say that the service is ready, and where; ``management`` is there for as long as the block lasts.

    What it said otherwise stays: a CA that is stopped has not moved.
    """
    name, folder = os.environ.get(NAME_VARIABLE), os.environ.get(ENDPOINTS_VARIABLE)
    if not name or not folder or os.environ.get(CHILD_VARIABLE) == "1":
        announce(endpoints)
        yield
        return
    file, told = Path(folder) / f"{name}.json", on_host(endpoints, name)
    write_json(file, told)
    print(f"{name} is ready; {file} says where", flush=True)
    try:
        yield
    finally:
        write_json(file, {key: value for key, value in told.items() if key != "management"})


def wait_for_end() -> None:
    """Block until the service should end.  Call it in the main thread.

    The former signal handlers are back when it returns: a second ^C breaks off a slow end.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        os.write(write_end, b"!")

    former = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(read_end, selectors.EVENT_READ)
            if os.environ.get(CHILD_VARIABLE) == "1":
                selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
            while not _has_ended(selector, read_end):
                pass
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


def _has_ended(selector: selectors.BaseSelector, signalled: int) -> bool:
    """Wait for the next thing; a signal or the end of stdin ends, a byte on stdin is only read."""
    return any(key.fd == signalled or not os.read(key.fd, 4096) for key, _ in selector.select())


async def ended() -> None:
    """The same as ``wait_for_end`` for a service whose main thread runs an event loop."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    stdin = sys.stdin.fileno() if os.environ.get(CHILD_VARIABLE) == "1" else None
    if stdin is not None:
        loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else over.set())
    try:
        await over.wait()
    finally:
        if stdin is not None:
            loop.remove_reader(stdin)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
