"""The `logging` statements: where the log's lines go."""

from __future__ import annotations

from router_emu.config.tree import Block
from router_emu.syslog import (
    DEFAULT_FACILITY,
    FACILITIES,
    HOST_LEVELS,
    INFORMATIONAL,
    LEVELS,
    PORT,
    Forwarding,
    LogBuffer,
    LogHost,
)
from router_emu.texts import Texts


def read(running: Block) -> Forwarding:
    """Where lines go, by what is configured."""
    hosts = tuple(
        LogHost(
            name,
            PORT if words["port"] == "default" else int(words["port"]),
            HOST_LEVELS.index(words["severity"]),
        )
        for name, words in running.listed("logging").items()
    )
    level = running.text("logging trap") or LEVELS[INFORMATIONAL]
    return Forwarding(
        hosts,
        None if level == "disable" else LEVELS.index(level),
        FACILITIES[running.text("logging facility") or DEFAULT_FACILITY],
        running.text("logging hostnameprefix") or "",
    )


def shown(log: LogBuffer, texts: Texts) -> str:
    """`show logging`: what the log did, and its lines."""
    to = log.forwarding
    level = None if to.trap is None else LEVELS[to.trap]
    trap = texts.trap.format(level=level, sent=log.trapped) if level else texts.trap_disabled
    hosts = "".join(texts.logging_host.format(host=each.host, sent=log.sent[each.host]) for each in to.hosts)
    title = texts.logging_title.format(
        dropped=log.dropped, written=log.written, trap=trap, hosts=hosts, capacity=log.capacity
    )
    return "\n".join([title, *log.lines])
