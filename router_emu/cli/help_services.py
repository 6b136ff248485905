"""Lines of help for configuration mode, see ``help``: `http` and `logging`."""

from __future__ import annotations

from router_emu.syslog import FACILITIES, HOST_LEVELS, LEVELS

HTTP = {
    "http": "HTTP client and server",
    "http client": "HTTP client",
    "http client connection": "Configure HTTP Client connection",  # [D]
    "http client connection retry": "How often to try again to connect",
    "http client connection retry <1-5>": "Number of tries after the first",
    "http client connection timeout": "How long to wait for a connection",
    "http client connection timeout <1-60>": "Seconds",
    # [D]
    "http client response": (
        "How long HTTP Client waits for a response from the server for a request message before giving up"
    ),
    "http client response timeout": "How long to wait for the whole response",
    "http client response timeout <1-300>": "Seconds",
    # [D]
    "http client secure-verify-host": "Verify that if server certificate is for the server it is known as",
    "http client secure-verify-host disable": "Do not verify it",
    "http client secure-verify-peer": "Verify authenticity of the peer's certificate",  # [D]
    "http client secure-verify-peer disable": "Do not verify it",
    "http client source-interface": "Specify interface for source address",  # [D]
    "http client source-interface WORD": "Name of the interface",
    "http client vrf": "Name of vrf",  # [D]
    "http client vrf WORD": "Name of the VRF",
    "http server": "HTTP server",
    "http server ssl": "Listen with TLS",
    "http server trustpoint": "Whose certificate the server presents",
    "http server trustpoint WORD": "CA Server Name",
}

_TEXTS = (
    *("System is unusable", "Immediate action needed", "Critical conditions", "Error conditions"),
    *("Warning conditions", "Normal but significant conditions", "Informational messages"),
    "Debugging messages",
)


def _logging() -> dict[str, str]:
    lines = {
        "logging": "Modify message logging facilities",
        "logging buffered": "Set buffered logging parameters; the lab's buffer stays as it is",
        "logging buffered <307200-125000000>": "Size of the buffer in bytes",
        "logging console": "Set console logging; the lab has no console",
        "logging console disable": "Log nothing to the console",
        "logging facility": "Modify message logging facilities",
        **{f"logging facility {name}": f"Facility {name}" for name in FACILITIES},
        "logging hostnameprefix": "Add this hostname prefix to messages to servers",
        "logging hostnameprefix WORD": "Name that stands before each message",
        "logging monitor": "Set terminal line (monitor) logging parameters; without effect",
        "logging monitor disable": "Log nothing to terminal lines",
        "logging source-interface": "Specify interface for source address; without effect",
        "logging source-interface WORD": "Name of the interface",
        "logging source-interface WORD vrf": "Set VRF option",
        "logging source-interface WORD vrf WORD": "Name of the VRF",
        "logging trap": "Set logging level of messages to servers",
        "logging trap disable": "Send nothing to servers",
        **{
            f"logging {what} {level}": text
            for what in ("buffered", "console", "monitor", "trap")
            for level, text in zip(LEVELS, _TEXTS, strict=True)
        },
        "logging WORD": "IPv4 or IPv6 address, or name, of the logging host",
        "logging WORD vrf": "Set VRF option",
        "logging WORD vrf WORD": "Name of the VRF; the lab has one network",
    }
    for before in ("logging WORD", "logging WORD vrf WORD"):
        lines[f"{before} severity"] = "Set severity of messages for this host"
        levels = {f"{before} severity {level}": level for level in HOST_LEVELS}
        lines |= {line: _TEXTS[HOST_LEVELS.index(level)] for line, level in levels.items()}
        for end in (before, *levels):
            lines[f"{end} port"] = "Set UDP port for this host"
            lines[f"{end} port default"] = "Port 514"
            lines[f"{end} port <1-65535>"] = "Number of the port"
    return lines


# The client's words are XR's own [D]: the datapath guides of the NCS 1000 family print its `?`.
LOGGING = _logging()
