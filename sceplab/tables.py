"""What the operators' commands print for people, beside requests: certificates, CRLs, the CA, the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sceplab.printing import AUDIT_COLUMNS, details, listing, shown, table, visible

Things = Sequence[Mapping[str, Any]]

_CERTIFICATES = {
    "SERIAL": "serial_number",
    "STATE": "state",
    "SUBJECT": "subject",
    "REQUEST": "request_id",
    "UNTIL": "not_after",
    "REASON": "reason",
}
_CERTIFICATE = {
    "State": "state",
    "Subject": "subject",
    "Issuer": "issuer",
    "Request": "request_id",
    "From": "not_before",
    "Until": "not_after",
    "Revoked": "revoked_at",
    "Reason": "reason",
    "Invalid since": "invalidity_date",
    "Wrong passwords": "wrong_passwords",
}
_CHALLENGES = {
    "ID": "id",
    "DEVICE": "device",
    "ONCE": "once",
    "CREATED": "created_at",
    "BY": "created_by",
    "UNTIL": "expires_at",
    "USED": "used_at",
    "REQUEST": "used_by",
}
_TOKENS = {"ID": "id", "NAME": "name", "CREATED": "created_at", "BY": "created_by"}
_CRLS = {
    "ISSUER": "issuer",
    "NUMBER": "number",
    "REVOKED": "revoked",
    "MADE": "this_update",
    "UNTIL": "next_update",
}
_OWN_CERTIFICATE = {
    "Name": "name",
    "Serial number": "serial_number",
    "From": "not_before",
    "Until": "not_after",
}


def certificates_table(certificates: Things) -> str:
    """Print certificates, one a line."""
    return listing(_CERTIFICATES, certificates, "No certificates.")


def certificate_details(certificate: Mapping[str, Any]) -> str:
    """Print one certificate, in PEM at the end."""
    pairs = [(label, shown(key, certificate.get(key))) for label, key in _CERTIFICATE.items()]
    return f"{details('Certificate ' + certificate['serial_number'], pairs)}\n\n{certificate['pem'].rstrip()}"


def challenges_table(challenges: Things) -> str:
    """Print the challenges, one a line."""
    return listing(_CHALLENGES, challenges, "No challenge passwords.")


def tokens_table(tokens: Things) -> str:
    """Print the tokens, one a line."""
    return listing(_TOKENS, tokens, "No tokens.")


def audit_table(lines: Things) -> str:
    """Print the audit, in lab time."""
    return listing(AUDIT_COLUMNS, lines, "No audit lines.")


def crls_table(found: Mapping[str, Any]) -> str:
    """Print the CRLs, and a line when they are served otherwise."""
    lines = listing(_CRLS, found["crls"], "No CRLs.")
    return lines if found["serving"] == "normal" else f"{lines}\nServed to clients: {found['serving']}."


def ca_details(ca: Mapping[str, Any]) -> str:
    """Print every generation of the CA, and where its profiles answer."""
    paths = [[f"  {visible(each['name'])}", " ".join(map(visible, each["paths"]))] for each in ca["profiles"]]
    return "\n\n".join([*map(generation_lines, ca["generations"]), "Profiles\n" + table(paths)])


def generation_lines(generation: Mapping[str, Any]) -> str:
    """Print one generation of the CA: its certificates, with their fingerprints as routers print them."""
    since = shown("active_from", generation["active_from"])
    when = "" if since == "-" else f", current from {since}"
    lines = [f"Generation {generation['number']}: {generation['standing']}{when}"]
    for each in generation["certificates"]:
        pairs = [(label, shown(key, each[key])) for label, key in _OWN_CERTIFICATE.items() if each[key]]
        pairs += [(digest.upper(), shown(digest, value)) for digest, value in each["fingerprints"].items()]
        lines.append(details(f"{each['role']}: {visible(each['subject'])}", pairs))
    return "\n".join(lines)
