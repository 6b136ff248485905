"""Write docs/generated/ from the tables that the programs run on: `make docs`.

A test fails when what is committed is not what this writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ca_server.api.errors import CODES
from ca_server.api.openapi import ALL_ROUTES
from ca_server.domain import requests, revocation
from router_emu.cli.grammar import MODES
from router_emu.cli.help import help_line
from router_emu.pki.pool import refresh
from router_emu.syntax.table import Node
from scep_core import enrolment

HERE = Path(__file__).parent / "generated"
NOTE = "<!-- Written by docs/generate.py (make docs) from the code's own tables. Do not edit. -->\n\n"


def diagram(table: Mapping[tuple[str | None, str], tuple[str, str | None]]) -> Iterator[str]:
    """A state diagram of (state, event) -> (next state, effect)."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for (state, event), (after, effect) in table.items():
        label = f"{event} / {effect}" if effect else event
        yield f"    {_name(state)} --> {_name(after)}: {label}"
    for end in sorted({after for after, _ in table.values()} - {state or "" for state, _ in table}):
        yield f"    {_name(end)} --> [*]"
    yield "```"


def _name(state: str | None) -> str:
    return "[*]" if state is None else state


def states() -> str:
    """Every state machine, drawn."""
    client = {
        (None if event is enrolment.Event.START else str(state), str(event)): (str(after), effect)
        for (state, event), (after, effect) in enrolment.TABLE.items()
    }
    ca = {
        (state and str(state), str(event)): (str(after), None)
        for (state, event), after in requests.TABLE.items()
    }
    certificate = {
        (str(state), str(change)): (str(after), None) for (state, change), after in revocation.TABLE.items()
    }
    pool = {
        (None if first else str(state), str(event)): (str(after), effect)
        for (state, event), (after, effect) in refresh.TABLE.items()
        # A start changes one state alone; drawn is the first of all.
        if (first := (state, event) == (refresh.State.UNATTENDED, refresh.Event.STARTED))
        or event is not refresh.Event.STARTED
        or after is not state
    }
    lines = [
        "# State machines",
        "",
        "## A client's enrolment",
        "",
        "The table and its theory are in `scep_core/enrolment.py`.",
        "",
        *diagram(client),
        "",
        "## A certificate request at the CA",
        "",
        "The table and its theory are in `ca_server/domain/requests.py`.",
        "",
        *diagram(ca),
        "",
        "## An issued certificate",
        "",
        "The table and its theory are in `ca_server/domain/revocation.py`.",
        "",
        *diagram(certificate),
        "",
        "## The refresh of a router's trust pool",
        "",
        "The table and its theory are in `router_emu/pki/pool/refresh.py`.",
        "",
        *diagram(pool),
    ]
    return NOTE + "\n".join(lines) + "\n"


def router_commands() -> str:
    """Every command of the router, mode by mode, with the help of its last word."""
    lines = ["# The router's commands", ""]
    for mode in MODES.values():
        lines += [f"## `{mode.prompt}`", "", "| command | what `?` says of its last word |", "|---|---|"]
        rows = {(" ".join(node.path), help_line(node)) for node in mode.trie.walk() if _is_command(node)}
        lines += [f"| `{command}` | {text} |" for command, text in sorted(rows)]
        lines.append("")
    return NOTE + "\n".join(lines).rstrip() + "\n"


def _is_command(node: Node) -> bool:
    return node.end is not None and not node.end.negated


def api_routes() -> str:
    """Every route of the operators' API, and the codes that it refuses with."""
    lines = ["# The operators' API, route by route", ""]
    lines += ["| | | query | body |", "|---|---|---|---|"]
    for route in ALL_ROUTES:
        body = (route.body or {}).get("properties", {})
        lines.append(
            f"| `{route.method} {route.path}` | {route.summary} | {_names(route.query)} | {_names(body)} |"
        )
    lines += ["", "| code | status | |", "|---|---|---|"]
    lines += [f"| `{code}` | {status} | {means} |" for code, (status, means) in CODES.items()]
    return NOTE + "\n".join(lines) + "\n"


def _names(schemas: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in schemas)


FILES = {"states.md": states, "router-commands.md": router_commands, "api-routes.md": api_routes}


def main() -> None:
    """Write every file."""
    HERE.mkdir(exist_ok=True)
    for name, make in FILES.items():
        (HERE / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
