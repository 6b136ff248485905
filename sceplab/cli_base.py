"""What all commands share: how they find the lab, and how they say what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sceplab.errors import LabError

if TYPE_CHECKING:
    from sceplab.client import Lab

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False)


class LabGroup(click.Group):
    """A group of commands whose LabError is a sentence on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


def lab_option(function: F) -> F:
    """Add ``--endpoints``, which says whose lab a command is for."""
    return click.option(
        "--endpoints",
        type=FILE,
        metavar="FILE",
        help="The lab's endpoints file.  [default: $SCEPLAB_ENDPOINTS, else the default lab's]",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def find_lab(endpoints: Path | None) -> Lab:
    """Find the running lab."""
    from sceplab.client import Lab  # not at the top: it takes its time, and --help needs none of it

    return Lab.find(endpoints)


def print_json(value: object) -> None:
    """Print ``value`` as JSON."""
    click.echo(json.dumps(value, indent=2))
