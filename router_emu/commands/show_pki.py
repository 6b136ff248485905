"""`show crypto ca certificates`, in the layout of the chapter (classic) or of XR 7 (modern)."""

from __future__ import annotations

from datetime import datetime

from router_emu import dates
from router_emu.commands.context import Context
from router_emu.pki.keys import Purpose
from router_emu.pki.peers.crl_cache import distribution_points
from router_emu.pki.wire import printable
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal, Texts
from scep_core import names
from scep_core.certificates import Certificate
from scep_core.values import Digest


def certificates(context: Context, args: Args) -> str:
    """The certificates of every trustpoint, or of one, and the enrolments that wait for theirs."""
    pki, texts = context.router.pki, context.router.texts
    wanted = args.text("name") if "name" in args else None
    configured = context.router.config.running.blocks("crypto ca trustpoint")
    if wanted is not None and wanted not in configured:
        raise CliRefusal(texts.no_trustpoint.format(name=wanted))
    shown = [
        name
        for name in configured
        if wanted in (None, name) and (pki.trustpoint(name).trusted or pki.attempts_of(name))
    ]
    return "\n".join(_trustpoint(context, name) for name in shown)


def _trustpoint(context: Context, name: str) -> str:
    pki, texts = context.router.pki, context.router.texts
    held = pki.trustpoint(name)
    lines = [texts.trustpoint_title.format(name=name)]
    for authority in (*((held.ca,) if held.ca else ()), *held.above):
        lines += [texts.ca_title, ca_certificate(texts, authority, indent="  ")]
    for purpose, certificate in held.own.items():
        lines += [
            *_router_head(texts, purpose, _status(certificate, context.now)),
            *_body(texts, certificate, "  "),
        ]
    if held.next and held.next.ca:
        for authority in (held.next.ca, *held.next.above):
            title = texts.rollover_title.format(title=texts.ca_title.rstrip())
            lines += [title, ca_certificate(texts, authority, indent="  ")]
    for purpose, certificate in held.shadows.items():
        lines += [*_router_head(texts, purpose, "Available", next_ca=True), *_body(texts, certificate, "  ")]
    for attempt in pki.attempts_of(name):
        application = attempt.application
        lines += [
            *_router_head(texts, application.purpose, "Pending", next_ca=application.to_next_ca),
            *_name(texts, texts.subject_label, application.subject, "  "),
            texts.request_fingerprint.format(fingerprint=groups(application.fingerprint)),
        ]
    return "\n".join(lines)


def _status(certificate: Certificate, now: datetime) -> str:
    return "Available" if now <= certificate.not_after else "Expired"  # the second is ours


def _router_head(texts: Texts, purpose: Purpose, status: str, *, next_ca: bool = False) -> list[str]:
    usage = texts.key_usage.format(usage=texts.key_purposes[purpose])
    title = texts.rollover_title.format(title=texts.router_title) if next_ca else texts.router_title
    return [title, usage, texts.status.format(status=status)]


def ca_certificate(texts: Texts, certificate: Certificate, *, indent: str) -> str:
    """A CA's certificate; without ``indent`` as `crypto ca authenticate` shows it."""
    lines = _body(texts, certificate, indent)
    if not indent:
        octets = certificate.fingerprint(Digest(texts.fingerprint_digest))
        fingerprint = _separated(octets, texts.fingerprint_separator)
        lines.append(texts.authenticate_fingerprint.format(fingerprint=fingerprint))
    return "\n".join(lines)


def _body(texts: Texts, certificate: Certificate, indent: str) -> list[str]:
    lines = [
        f"{indent}{texts.serial_label}{serial_number(texts, certificate)}",
        *_name(texts, texts.subject_label, certificate.subject, indent),
        *_name(texts, texts.issuer_label, certificate.issuer, indent),
        f"{indent}{texts.start_label}{dates.long(certificate.not_before)}",
        f"{indent}{texts.end_label}{dates.long(certificate.not_after)}",
    ]
    points = distribution_points(certificate)
    if points:
        lines += [f"{indent}{texts.crl_label}", *(f"{indent * 4}{printable(point)}" for point in points)]
    if indent and texts.sha1_label:
        lines.append(f"{indent}{texts.sha1_label}")
        lines.append(f"         {certificate.fingerprint(Digest.SHA1).hex().upper()}")
    return lines


def _name(texts: Texts, label: str, name: bytes, indent: str) -> list[str]:
    return [f"{indent}{label}", f"{indent * 4}{shown_name(texts, name)}"]


def shown_name(texts: Texts, name: bytes) -> str:
    """A name as the router prints it: last RDN first; classic has lower-case types.

    The chapter: ``cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US``,
    and ``CN=Cisco Root CA 2048,O=Cisco Systems`` in its newer half.
    """
    try:
        rdns = names.parse_name(name)
    except ValueError:
        return texts.unreadable_name
    return ",".join(
        "+".join(f"{_type(texts, kind)}={printable(text)}" for kind, text in rdn) for rdn in reversed(rdns)
    )


def _type(texts: Texts, kind: str) -> str:
    short = names.SHORT_NAMES.get(kind, kind)
    return short.lower() if texts.lower_case_names and short.isupper() else short


def serial_number(texts: Texts, certificate: Certificate) -> str:
    """The serial number's octets in hexadecimal, with colons in the chapter's newer half and in modern."""
    number = certificate.serial_number
    octets = abs(number).to_bytes(max(1, (abs(number).bit_length() + 7) // 8), "big")
    return ("-" if number < 0 else "") + _separated(octets, texts.serial_separator)


def _separated(octets: bytes, separator: str) -> str:
    return separator.join(f"{octet:02X}" for octet in octets)


def groups(octets: bytes) -> str:
    """Groups of eight hexadecimal digits, as a router prints a request's fingerprint (the chapter)."""
    digits = octets.hex().upper()
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
