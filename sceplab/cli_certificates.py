"""``sceplab certificates``: what the CA has issued."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sceplab.cli_base import FILE, find_lab, json_option, lab_option, print_json
from sceplab.cli_options import SERIAL, SERIALS, each, paging_options
from sceplab.cli_secrets import ask_password

if TYPE_CHECKING:
    from sceplab.client import Lab

# RFC 5280 section 5.3.1.  A hold can be released; a revocation is final.
REASONS = (
    *("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded"),
    *("cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"),
)


class _Reason(click.ParamType[str]):
    """One of the RFC's names, told as the RFC spells them; click's Choice forgets that where case is free."""

    name = "reason"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = next((each for each in REASONS if each.lower() == str(value).lower()), None)
        if found is None:
            self.fail(f"{value!r} is none of {', '.join(REASONS)}.", param, ctx)
        return found


@click.group("certificates")
def certificates_group() -> None:
    """List, show, export, revoke and release certificates.

    A SERIAL is in hexadecimal; colons and a leading 0x do no harm.
    """


@certificates_group.command("list")
@click.option(
    "--state",
    type=click.Choice(["valid", "expired", "held", "revoked"]),
    help="Only those in this state, at the lab's time.",
)
@click.option("--issuer", metavar="NAME", help="Only those of this CA, such as ca-1.")
@click.option(
    "--search", metavar="TEXT", help="A text in the subject or the serial number; colons do no harm."
)
@paging_options
@lab_option
@json_option
def list_certificates(endpoints: Path | None, as_json: bool, **wanted: Any) -> None:
    """List the certificates, oldest first."""
    from sceplab.tables import certificates_table

    with find_lab(endpoints) as lab:
        found = lab.certificates(**wanted)
    print_json(found) if as_json else click.echo(certificates_table(found))


@certificates_group.command("show")
@SERIAL
@lab_option
@json_option
def show(serial: str, endpoints: Path | None, as_json: bool) -> None:
    """Show one certificate, and whether it is revoked."""
    from sceplab.tables import certificate_details

    with find_lab(endpoints) as lab:
        found = lab.certificate(serial)
    print_json(found) if as_json else click.echo(certificate_details(found))


@certificates_group.command("export")
@SERIAL
@click.option("--chain", is_flag=True, help="The CAs' certificates after it.")
@click.option("--der", is_flag=True, help="DER instead of PEM.")
@click.option("--output", "-o", type=FILE, help="Into this file.  [default: stdout]")
@lab_option
def export(serial: str, chain: bool, der: bool, output: Path | None, endpoints: Path | None) -> None:
    """Write a certificate out, in PEM."""
    if chain and der:
        raise click.UsageError("A chain is in PEM.")
    with find_lab(endpoints) as lab:
        found = lab.certificate(serial)
        text: str = found["pem"] + (_cas(lab, found["issuer"]) if chain else "")
    content = ssl.PEM_cert_to_DER_cert(text) if der else text.encode("ascii")
    if output is None:
        click.echo(content, nl=False)
    else:
        output.write_bytes(content)


def _cas(lab: Lab, issuer: str) -> str:
    """Return the certificates of the CA of this name and of the root above it, in PEM."""
    for generation in lab.ca()["generations"]:
        by_role = {own["role"]: own for own in generation["certificates"]}
        if by_role["ca"]["name"] == issuer:
            return "".join(by_role[role]["pem"] for role in ("ca", "root") if role in by_role)
    return ""


@certificates_group.command("revoke")
@SERIALS
@click.option(
    "--reason",
    type=_Reason(),
    default="unspecified",
    show_default=True,
    metavar="REASON",
    help=f"Why: {', '.join(REASONS)}.  certificateHold can be released.",
)
@click.option(
    "--with-password",
    is_flag=True,
    help="Only if the enrolment's challenge password is right; it is asked for, or read from stdin.",
)
@click.option("--since", metavar="INSTANT", help="Since when the key is no good: 2026-11-23T12:00:00Z.")
@lab_option
@json_option
def revoke(
    serials: tuple[str, ...],
    reason: str,
    since: str | None,
    with_password: bool,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Revoke certificates, or hold them; the CRL follows at once."""
    if with_password and (since is not None or reason != "unspecified"):
        raise click.UsageError("--with-password goes without --reason and --since.")
    with find_lab(endpoints) as lab:
        password = ask_password() if with_password else None

        def revoked(serial: str) -> Mapping[str, Any]:
            if password is not None:
                return lab.revoke_with_password(serial, password)
            return lab.revoke(serial, reason, invalidity_date=since)

        each(serials, "Certificate", revoked, _changed, as_json=as_json)


@certificates_group.command("release")
@SERIALS
@lab_option
@json_option
def release(serials: tuple[str, ...], endpoints: Path | None, as_json: bool) -> None:
    """Release certificates that are held."""
    with find_lab(endpoints) as lab:
        each(serials, "Certificate", lab.release, _changed, as_json=as_json)


def _changed(certificate: Mapping[str, Any]) -> str:
    from sceplab.printing import brief, visible

    number, state = certificate["serial_number"], certificate["state"]
    return f"Certificate {number} is {state}: {brief(visible(certificate['subject']))}"
