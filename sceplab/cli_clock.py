"""``sceplab clock``: the lab's one time, over all services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import Duration
from sceplab.errors import TimerFar

# A trust pool's timer waits for decades.  Who expects a poll, and there is none, shall not be sent there.
NEAR = timedelta(days=400)

if TYPE_CHECKING:
    from sceplab.client import Lab
    from sceplab.management import Fired


@click.group("clock")
def clock_group() -> None:
    """Show and move the lab clock; it only moves forward."""


@clock_group.command("show")
@lab_option
@json_option
def show(endpoints: Path | None, as_json: bool) -> None:
    """Show the lab time, and the timers that wait."""
    from sceplab.advance import furthest
    from sceplab.printing import clock_line, services_apart, timer_lines

    with find_lab(endpoints) as lab:
        timers = lab.time.timers()
        if as_json:
            print_json({"clock": _clock_json(lab), "timers": [timer.to_json() for timer in timers]})
        else:
            readings = lab.time.readings()
            click.echo(f"{clock_line(furthest(readings.values()))}\n{timer_lines(timers)}")
            if apart := services_apart(readings):
                click.echo(apart, err=True)


@clock_group.command("advance")
@click.argument("duration", type=Duration())
@lab_option
@json_option
def advance(duration: timedelta, endpoints: Path | None, as_json: bool) -> None:
    """Move on by DURATION (90s, 2m, 1h30m, 20d, 2w, 1y), stopping at every timer on the way."""
    with find_lab(endpoints) as lab:
        _print_fired(lab, lab.time.advance(duration), as_json)


@clock_group.command("set")
@click.argument("instant", metavar="INSTANT")
@lab_option
@json_option
def set_clock(instant: str, endpoints: Path | None, as_json: bool) -> None:
    """Move on to INSTANT (2030-01-31T12:00:00Z), stopping at every timer on the way."""
    from sceplab.clock import parse_instant

    try:
        target = parse_instant(instant)
    except ValueError as error:
        raise click.UsageError(f"INSTANT: {error}.") from error
    with find_lab(endpoints) as lab:
        _print_fired(lab, lab.time.advance(target - lab.time.read().now), as_json)


@clock_group.command("next")
@click.option("--far", is_flag=True, help=f"Go also to a timer that is more than {NEAR.days} days off.")
@lab_option
@json_option
def next_timer(far: bool, endpoints: Path | None, as_json: bool) -> None:
    """Move on to the next timer."""
    with find_lab(endpoints) as lab:
        firings = lab.time.next(within=None if far else NEAR)
        try:
            _print_fired(lab, firings, as_json, nothing="No timer waits.")
        except TimerFar as error:
            raise TimerFar(f"{error}  'sceplab clock next --far' goes there; no clock goes back.") from None


@clock_group.command("freeze")
@lab_option
@json_option
def freeze(endpoints: Path | None, as_json: bool) -> None:
    """Stop the clock: from now on it moves by 'advance' and 'next' alone."""
    with find_lab(endpoints) as lab:
        lab.time.freeze()
        _print_fired(lab, iter(()), as_json)


@clock_group.command("resume")
@lab_option
@json_option
def resume(endpoints: Path | None, as_json: bool) -> None:
    """Let a frozen clock run on, from where it stands."""
    with find_lab(endpoints) as lab:
        lab.time.resume()
        _print_fired(lab, iter(()), as_json)


def _print_fired(lab: Lab, firings: Iterator[Fired], as_json: bool, nothing: str = "") -> None:
    """Print each timer as it fires, or that there was nothing to fire, and then the clock."""
    from sceplab.printing import clock_line, folded

    if as_json:
        print_json({"fired": [one.to_json() for one in firings], "clock": _clock_json(lab)})
        return
    printed = False
    for line in folded(firings):
        click.echo(line)
        printed = True
    if nothing and not printed:
        click.echo(nothing)
    click.echo(clock_line(lab.time.read()))


def _clock_json(lab: Lab) -> dict[str, object]:
    from sceplab.clock import format_instant

    reading = lab.time.read()
    return {"now": format_instant(reading.now)} | reading.state.to_json()
