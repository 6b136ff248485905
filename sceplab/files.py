"""Files that are written whole or not at all, for the owner's eyes only."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON, atomically, with mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, (json.dumps(value, indent=2) + "\n").encode())


def write_secret(path: Path, data: bytes) -> None:
    """Write a file into a folder that is there, atomically, with mode 0600."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600 by itself
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
