"""``sceplab bundles``: what the bundle server has, and what it publishes where."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import EXISTING_FILE, json_option, lab_option, print_json
from sceplab.cli_options import YEAR, Duration

if TYPE_CHECKING:
    from sceplab.bundles_client import BundleServer

MEDIA_TYPES = {
    ".p7b": "application/x-pkcs7-certificates",
    ".pem": "application/x-pem-file",
    ".cer": "application/pkix-cert",
}


def _find(endpoints: Path | None) -> BundleServer:
    from sceplab.bundles_client import BundleServer

    return BundleServer.find(endpoints)


@click.group("bundles")
def bundles_group() -> None:
    """List, show and publish bundles of CA certificates."""


@bundles_group.command("list")
@lab_option
@json_option
def list_published(endpoints: Path | None, as_json: bool) -> None:
    """List the paths, with the bundle that each serves."""
    from sceplab.bundle_tables import published_table

    with _find(endpoints) as server:
        found = server.published()
    print_json(found) if as_json else click.echo(published_table(found))


@bundles_group.command("show")
@click.argument("bundle")
@lab_option
@json_option
def show(bundle: str, endpoints: Path | None, as_json: bool) -> None:
    """Show a bundle with its certificates, be it published or not."""
    from sceplab.bundle_tables import bundle_details

    with _find(endpoints) as server:
        found = server.bundle(bundle)
    print_json(found) if as_json else click.echo(bundle_details(found))


@bundles_group.command("publish")
@click.argument("path")
@click.argument("bundle", required=False)
@click.option(
    "--in",
    "within",
    metavar="DURATION",
    type=Duration(timedelta(seconds=1), 100 * YEAR),
    help="When, on the lab clock: 25d.  [default: now]",
)
@click.option("--file", type=EXISTING_FILE, help="This file, whatever it is; BUNDLE is what to call it.")
@click.option("--back", is_flag=True, help="What the recipes say, again.")
@lab_option
@json_option
def publish(
    path: str,
    bundle: str | None,
    within: timedelta | None,
    file: Path | None,
    back: bool,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Have PATH serve BUNDLE."""
    from sceplab.bundle_tables import published_lines

    if back and (bundle or file or within):
        raise click.UsageError("--back goes without a bundle, --file and --in.")
    if not (back or bundle or file):
        raise click.UsageError("Say which BUNDLE, or --file, or --back.")
    with _find(endpoints) as server:
        if back:
            server.take_back(path)
        elif file is not None:
            name = bundle or re.sub("[^a-z0-9]+", "-", file.name.lower()).strip("-")
            media_type = MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream")
            server.add_file(name, file.read_bytes(), media_type, path, within)
        elif bundle is not None:
            server.publish(path, bundle, within)
        found = [each for each in server.published() if each["path"] == path]
    print_json(found) if as_json else click.echo(published_lines(path, found))
