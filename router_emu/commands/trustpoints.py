"""Trustpoints as they are configured: read for the PKI, and checked before a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from router_emu.config.store import CommitError
from router_emu.config.tree import Block, BlockKey
from router_emu.pki import request
from router_emu.pki.keys import DEFAULT_LABEL
from router_emu.pki.trustpoint import TrustpointSettings
from scep_core.values import Digest

TRUSTPOINT = "crypto ca trustpoint"

# What must be understood before it can run, and how that is tried.  Whether XR looks at commit, too, is
# not known [U].
_CHECKED: dict[str, Callable[[TrustpointSettings], object]] = {
    "subject-name": request.subject,
    "subject-alternative-name": request.alternative_names,
}


def read_all(running: Block, *, fqdn: str, device_serial: str) -> dict[str, TrustpointSettings]:
    """The settings of every trustpoint; ``device_serial`` is the router's serial number."""
    return {name: read(running, name, fqdn, device_serial) for name in running.blocks(TRUSTPOINT)}


def read(running: Block, name: str, fqdn: str, device_serial: str) -> TrustpointSettings:
    """The settings of one trustpoint; KeyError when it is not configured."""
    block = running.block(TRUSTPOINT, name)
    if block is None:
        raise KeyError(name)
    digest, percentage = block.text("message-digest"), block.value("auto-enroll")
    address = block.text("ip-address") or ""
    return TrustpointSettings(
        name=name,
        fqdn=fqdn,
        enrollment_url=block.text("enrollment url") or "",
        retry_period=timedelta(minutes=block.number("enrollment retry period")),
        retry_count=block.number("enrollment retry count"),
        key_label=block.text("rsakeypair") or DEFAULT_LABEL,
        terminal=block.value("enrollment terminal") is not None,
        subject_name=block.text("subject-name") or "",
        alternative_names=block.text("subject-alternative-name") or "",
        # Without the statement XR asks, says a manual of another release; the chapter's example does not [U].
        device_serial=device_serial if block.value("serial-number") == "" else "",
        ip_address="" if address == "none" else address,
        digest=Digest(digest) if digest else None,
        auto_enroll=None if percentage is None else int(percentage),
        renewal_request=block.text("renewal-message-type") == "renewalreq",
        skip_challenge_password=block.value("skip-challenge-password") is not None,
        query_url=block.text("query url") or "",
        crl_optional=block.value("crl optional") is not None,
        extended_key_usage=block.text("extended-key-usage match") or "",
    )


def is_usable(url: str) -> bool:
    """Whether an enrollment url is one that SCEP goes by."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check(running: Block) -> Sequence[CommitError]:
    """What a commit of this would be refused for."""
    return list(_errors(running))


def _errors(running: Block) -> Iterator[CommitError]:
    for name in running.blocks(TRUSTPOINT):
        settings = read(running, name, "router", "")
        for statement, understand in _CHECKED.items():
            try:
                understand(settings)
            except ValueError as error:
                yield CommitError((BlockKey(TRUSTPOINT, name),), statement, str(error))
