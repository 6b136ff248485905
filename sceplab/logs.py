"""Logs of the services: named events with keys, on stderr, without secrets.

``SCEPLAB_LOG=json`` prints one JSON object a line, anything else ``key=value`` for people;
``SCEPLAB_LOG_LEVEL=debug`` shows more.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from sceplab.clock import Clock, format_instant

SECRET_WORDS = ("password", "passphrase", "secret", "private", "authorization", "challenge", "token")
REDACTED = "[redacted]"
# What may be told of a challenge password: whether there is one, and what was found out about it.
_HARMLESS = ("absent", "not-checked", "right", "wrong", "expired", "used", None)


def configure_logging(level: str | None = None, *, clock: Clock | None = None) -> None:
    """Send the logs of structlog, and of libraries that use ``logging``, to stderr.

    With ``clock`` each line carries the lab time beside the wall time.
    """
    level = (level or os.environ.get("SCEPLAB_LOG_LEVEL") or "info").upper()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    if clock is not None:
        shared.append(_LabTime(clock))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer()],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # asyncssh tells every channel and key at INFO.
    logging.getLogger("asyncssh").setLevel(max(logging.WARNING, root.level))


def _renderer() -> structlog.typing.Processor:
    if os.environ.get("SCEPLAB_LOG") == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide the values of keys that name a secret, in nested mappings too."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(key: str, value: object) -> object:
    if any(word in key.lower() for word in SECRET_WORDS) and value not in _HARMLESS:
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _redacted(str(inner), item) for inner, item in value.items()}
    return value


class _LabTime:
    """Adds the lab time to every line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["lab_time"] = format_instant(self._clock.now())
        return event
