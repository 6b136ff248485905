"""How a service's clock runs at its start: as it is told, else as the lab's clock ran at last."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from sceplab.clock import ClockState, wall_time

CLOCK_FILE_VARIABLE = "SCEPLAB_CLOCK_FILE"


def _read(_context: click.Context, _option: click.Parameter, text: str | None) -> ClockState:
    """Read a ``--start-clock``; without one what ``SCEPLAB_CLOCK_FILE`` keeps, else wall time.

    The services of a lab share that file: one that joins later, or comes back, takes the lab's time.
    click.BadParameter.
    """
    try:
        state = ClockState.from_json(json.loads(text)) if text else kept_clock()
        state.start(wall_time())
    except ValueError as error:
        raise click.BadParameter(f"not a clock state: {error}") from error
    except OSError as error:
        raise click.BadParameter(f"{error.filename} cannot be read: {error.strerror}") from error
    return state


def kept_clock() -> ClockState:
    """What the file says, wall time when there is none; ValueError, OSError."""
    file = os.environ.get(CLOCK_FILE_VARIABLE)
    try:
        return ClockState.from_json(json.loads(Path(file).read_text("utf-8"))) if file else ClockState()
    except FileNotFoundError:
        return ClockState()


# What every service has on its command line.
start_clock_option = click.option(
    "--start-clock",
    callback=_read,
    envvar="SCEPLAB_CLOCK",
    show_envvar=True,
    help=f"The lab clock's state at the start, in JSON.  [default: {CLOCK_FILE_VARIABLE}'s, or wall time]",
)
