"""Secrets from outside, for any service: an environment variable, or a file that it names."""

from __future__ import annotations

import os
from pathlib import Path


class SecretError(Exception):
    """A secret cannot be had; the text says which, and why, and never what it is."""


def secret_from_environment(name: str) -> str | None:
    """What the variable says, or the file that ``name`` with ``_FILE`` behind it names; None without both.

    The line's end that editors put behind it does not count.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and file:
        raise SecretError(f"{name} and {name}_FILE are both set: one of them is enough")
    if not file:
        return value or None
    try:
        secret = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SecretError(f"{name}_FILE: {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SecretError(f"{name}_FILE: {file} is no text") from error
    if not secret:
        raise SecretError(f"{name}_FILE: {file} is empty")
    return secret
