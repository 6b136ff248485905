"""Why a connection came to nothing, in words that are the same for every protocol."""

from __future__ import annotations

import socket


def why_not(error: OSError | UnicodeError, host: str) -> str:
    """What to say of an exception that ``asyncio``'s connections raise."""
    match error:
        case TimeoutError():
            return "timed out"
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror() | UnicodeError():  # the latter: no host name, for the encoding of such names
            return f"no address for {host}"
    # Without a strerror: of a host's several addresses each failed in its own way.
    return (error.strerror or "connection failed").lower()
