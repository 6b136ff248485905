"""Where a lab keeps its things, and where a command finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sceplab.endpoints import joined
from sceplab.errors import NoLab

ENDPOINTS_VARIABLE = "SCEPLAB_ENDPOINTS"
STATE_VARIABLE = "SCEPLAB_STATE"


def default_state() -> Path:
    """Return the state folder used without ``--state``: ``SCEPLAB_STATE``, else the user's own (XDG)."""
    if chosen := os.environ.get(STATE_VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "sceplab"


def endpoints_file(state: Path) -> Path:
    """Return where the lab over ``state`` says how it can be reached."""
    return state / "endpoints.json"


def read_endpoints(path: Path | None = None) -> Mapping[str, Any]:
    """Read the endpoints of a running lab: of ``path``, of SCEPLAB_ENDPOINTS, or of the default folder.

    A folder has a file of each service, as those in containers say it.
    Raises NoLab when there is no such file, or nothing in it.
    """
    chosen = path or os.environ.get(ENDPOINTS_VARIABLE)
    file = Path(chosen) if chosen else endpoints_file(default_state())
    try:
        endpoints = _read_folder(file) if file.is_dir() else _read(file)
    except FileNotFoundError:
        raise NoLab(f"No lab is running: there is no {file}.  Start one with 'sceplab up'.") from None
    except (OSError, ValueError) as error:
        raise NoLab(f"{file} does not say where the lab is: {error}.") from error
    if not isinstance(endpoints, dict) or "management" not in endpoints:
        raise NoLab(f"{file} does not say where the lab is.")
    return endpoints


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _read_folder(folder: Path) -> Any:
    """What the services said there; None when the CA has not yet."""
    endpoints = joined({file.stem: _read(file) for file in folder.glob("*.json")})
    return endpoints if "operator" in endpoints else None
