"""`show logging`, and the shape of its head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoggingTexts:
    """What `show logging` prints above the lines: the shape of genieparser's captures [T]."""

    logging_title: str = (
        "Syslog logging: enabled ({dropped} messages dropped, 0 flushes, 0 overruns)\n"
        "    Console logging: Disabled\n"
        "    Monitor logging: level debugging, {written} messages logged\n"
        "    Trap logging: {trap}\n"
        "{hosts}"
        "    Buffer logging: level debugging, {written} messages logged\n"
        "\n"
        "Log Buffer ({capacity} lines):\n"
    )
    trap: str = "level {level}, {sent} messages logged"
    trap_disabled: str = "Disabled"
    logging_host: str = "    Logging to {host}, {sent} message lines logged\n"
