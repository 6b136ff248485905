"""The commands about the box and the terminal line."""

from __future__ import annotations

from router_emu import dates
from router_emu.commands import logging
from router_emu.commands.context import Context
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal


def show_version(context: Context, _args: Args) -> str:
    """What software this says it is, and what it is."""
    return context.router.texts.version


def show_clock(context: Context, _args: Args) -> str:
    """The lab's time."""
    return dates.clock(context.now)


def show_logging(context: Context, _args: Args) -> str:
    """The log buffer, and what became of it."""
    return logging.shown(context.router.log, context.router.texts)


def show_history(context: Context, _args: Args) -> str:
    """This session's lines, the oldest first, this one among them."""
    return "\n".join(f"  {line}" for line in context.shell.history)


def terminal_length(context: Context, args: Args) -> str:
    """Lines before ` --More-- `; 0 is without end."""
    context.shell.terminal.length = args.number("lines")
    return ""


def terminal_width(_context: Context, _args: Args) -> str:
    """Columns of the terminal: taken from every client, and without effect, since no line is wrapped."""
    return ""


def terminal_monitor(context: Context, args: Args) -> str:
    """Have new log lines printed on this terminal, or no more."""
    context.shell.terminal.monitor = "no" not in args and "disable" not in args
    return ""


def terminal_timestamp(context: Context, args: Args) -> str:
    """Whether a line of date and time comes before each output."""
    context.shell.terminal.timestamps = "timestamp" in args
    return ""


def logout(context: Context, _args: Args) -> str:
    """End the session, but not with `do exit` over a candidate."""
    if context.shell.candidate is not None:
        raise CliRefusal(context.router.texts.within_configuration)
    context.shell.closed = True
    return ""
