"""Trustpoints as they are configured: read for the PKI, and checked before a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from router_emu.config.store import CommitError
from router_emu.config.tree import Block, BlockKey
from router_emu.pki import request, self_signed
from router_emu.pki.identity import Identity, NoIdentity, find_identity
from router_emu.pki.keys import DEFAULT_LABEL, Algorithm
from router_emu.pki.peers.ldap_url import read_server
from router_emu.pki.self_signed import SYSTEM_TRUSTPOINT, KeyName, SelfEnrolment
from router_emu.pki.store import Pki
from router_emu.pki.trustpoint import TrustpointSettings
from scep_core import names
from scep_core.values import Digest

TRUSTPOINT = "crypto ca trustpoint"

# Statements that exclude each other, and what is said of the second; then those that only the
# system-trustpoint may have.  All by Cisco's models [Y]; the words are ours.
_KEY_PAIRS = tuple(f"keypair {kind}" for kind in self_signed.KEY_KINDS)
_CA_KEY_PAIRS = tuple(f"ca-keypair {kind}" for kind in self_signed.KEY_KINDS)
_WAYS = ("enrollment local", "enrollment self", "enrollment terminal")
_EXCLUSIVE = {
    _WAYS: "enrollment local, self and terminal exclude each other",
    _KEY_PAIRS: "keypair names one key pair",
    _CA_KEY_PAIRS: "ca-keypair names one key pair",
}
_OF_THE_SYSTEM = (
    "enrollment self",
    *_KEY_PAIRS,
    *_CA_KEY_PAIRS,
    "key-usage ca-certificate",
    "key-usage certificate",
    "lifetime ca-certificate",
    "lifetime certificate",
    "subject-name ca-certificate",
)


def _check_query_url(text: str) -> None:
    try:
        if text:
            read_server(text)
    except ValueError as error:
        raise ValueError(f"a query url is ldap://host[:port][/name] or host[:port]: {error}") from error


# What must be understood before it can run, and how that is tried.  Whether XR looks at commit, too, is
# not known [U].
_CHECKED: dict[str, Callable[[TrustpointSettings], object]] = {
    "subject-name": request.subject,
    "subject-alternative-name": request.alternative_names,
}
_CHECKED_TEXTS: dict[str, Callable[[str], object]] = {
    "key-usage ca-certificate": partial(self_signed.read_usages, known=self_signed.CA_USAGES),
    "key-usage certificate": partial(self_signed.read_usages, known=self_signed.USAGES),
    "query url": _check_query_url,
    "subject-name ca-certificate": lambda text: names.parse_text(text) if text else [],
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
        terminal=any(block.value(f"enrollment {by}") is not None for by in ("terminal", "local")),
        local=block.value("enrollment local") is not None,
        self_signed=block.value("enrollment self") is not None,
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


def read_self_enrolment(running: Block) -> SelfEnrolment:
    """How the router certifies itself; KeyError without a system-trustpoint, ValueError for a bad usage.

    Without `keypair` the key is the RSA one of `rsakeypair`; without `ca-keypair` the CA's is the router's.
    """
    block = running.block(TRUSTPOINT, SYSTEM_TRUSTPOINT)
    if block is None:
        raise KeyError(SYSTEM_TRUSTPOINT)
    key = _key_name(block, "keypair") or KeyName(Algorithm.RSA, block.text("rsakeypair") or DEFAULT_LABEL)
    return SelfEnrolment(
        key=key,
        ca_key=_key_name(block, "ca-keypair") or key,
        ca_subject=block.text("subject-name ca-certificate") or "",
        ca_lifetime=timedelta(days=block.number("lifetime ca-certificate")),
        lifetime=timedelta(days=block.number("lifetime certificate")),
        ca_usages=self_signed.read_usages(
            block.text("key-usage ca-certificate") or "", self_signed.CA_USAGES
        ),
        usages=self_signed.read_usages(block.text("key-usage certificate") or "", self_signed.USAGES),
    )


def _key_name(block: Block, words: str) -> KeyName | None:
    for kind, algorithm in self_signed.KEY_KINDS.items():
        label = block.text(f"{words} {kind}")
        if label is not None:
            return KeyName(algorithm, label)
    return None


def identity(running: Block, pki: Pki, name: str) -> Identity:
    """What a server presents of a trustpoint.  NoIdentity names the trustpoint, and says why."""
    if name not in running.blocks(TRUSTPOINT):
        raise NoIdentity(f"trustpoint {name} is not configured")
    try:
        return find_identity(pki.trustpoint(name), pki.keys)
    except NoIdentity as why:
        raise NoIdentity(f"trustpoint {name}: {why}") from None


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
        block, path = running.block(TRUSTPOINT, name), (BlockKey(TRUSTPOINT, name),)
        assert block is not None
        for group, reason in _EXCLUSIVE.items():
            for statement in [each for each in group if each in block.values][1:]:
                yield CommitError(path, statement, reason)
        if name != SYSTEM_TRUSTPOINT:
            for statement in _OF_THE_SYSTEM:
                if statement in block.values:
                    yield CommitError(path, statement, f"only the trustpoint {SYSTEM_TRUSTPOINT} has this")
        settings = read(running, name, "router", "")
        for statement, understand in _CHECKED.items():
            try:
                understand(settings)
            except ValueError as error:
                yield CommitError(path, statement, str(error))
        for statement, check_text in _CHECKED_TEXTS.items():
            try:
                check_text(block.text(statement) or "")
            except ValueError as error:
                yield CommitError(path, statement, str(error))
