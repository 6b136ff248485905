"""The PKI's state as JSON values and back, so that a restart loses nothing.

It holds private keys and, while an enrolment runs, its challenge password: private state only.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from router_emu.pki.keys import KeyPair
from router_emu.pki.request import Application
from router_emu.pki.store import Attempt, Pki
from router_emu.pki.trustpoint import TrustpointState
from scep_core.certificates import Certificate, read_certificate
from scep_core.csr import slice_csr
from scep_core.enrolment import Enrolment, State

Json = dict[str, Any]


class BrokenState(ValueError):
    """What was stored cannot be read."""


def dump(pki: Pki) -> Json:
    """Everything that has to outlast a restart."""
    return {
        "keys": [_dump_key(key) for key in pki.keys.values()],
        "trustpoints": {name: _dump_trustpoint(state) for name, state in pki.trustpoints.items()},
        "attempts": {name: _dump_attempt(attempt) for name, attempt in pki.attempts.items()},
    }


def load(pki: Pki, stored: Mapping[str, Any]) -> None:
    """Put what ``dump`` made into a fresh ``pki``; BrokenState when it is not that."""
    try:
        keys = [_load_key(each) for each in stored["keys"]]
        trustpoints = {name: _load_trustpoint(each) for name, each in stored["trustpoints"].items()}
        attempts = {name: _load_attempt(each) for name, each in stored["attempts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BrokenState(f"the stored PKI state cannot be read: {error}") from error
    pki.keys.update({key.label: key for key in keys})
    pki.trustpoints.update(trustpoints)
    pki.attempts.update({name: each for name, each in attempts.items() if each.key_label in pki.keys})


def _dump_key(key: KeyPair) -> Json:
    pem = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"label": key.label, "created": key.created.isoformat(), "private_key": pem.decode()}


def _load_key(stored: Json) -> KeyPair:
    key = load_pem_private_key(stored["private_key"].encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return KeyPair(stored["label"], key, _instant(stored["created"]))


def _dump_trustpoint(state: TrustpointState) -> Json:
    return {
        "ca": _dump_certificate(state.ca),
        "ra": [_dump_certificate(each) for each in state.ra],
        "router": _dump_certificate(state.router),
    }


def _load_trustpoint(stored: Json) -> TrustpointState:
    ra = tuple(read_certificate(_octets(each)) for each in stored["ra"])
    return TrustpointState(_load_certificate(stored["ca"]), ra, _load_certificate(stored["router"]))


def _dump_attempt(attempt: Attempt) -> Json:
    application, machine = attempt.application, attempt.machine
    return {
        "number": attempt.number,
        "key_label": attempt.key_label,
        "base_url": application.base_url,
        "trustpoint": application.trustpoint,
        "transaction_id": application.transaction_id,
        "request": _text(application.request.der),
        "temporary": _text(application.temporary.der),
        "retry_period": machine.retry_period.total_seconds(),
        "retry_count": machine.retry_count,
        "state": str(machine.state),
        "retries": machine.retries,
        "wake_at": machine.wake_at.isoformat() if machine.wake_at else None,
    }


def _load_attempt(stored: Json) -> Attempt:
    application = Application(
        base_url=stored["base_url"],
        trustpoint=stored["trustpoint"],
        transaction_id=stored["transaction_id"],
        request=slice_csr(_octets(stored["request"])),
        temporary=read_certificate(_octets(stored["temporary"])),
    )
    machine = Enrolment(
        retry_period=timedelta(seconds=stored["retry_period"]),
        retry_count=stored["retry_count"],
        state=State(stored["state"]),
        retries=stored["retries"],
        wake_at=_instant(stored["wake_at"]) if stored["wake_at"] else None,
    )
    return Attempt(stored["number"], application, machine, stored["key_label"])


def _dump_certificate(certificate: Certificate | None) -> str | None:
    return None if certificate is None else _text(certificate.der)


def _load_certificate(stored: str | None) -> Certificate | None:
    return None if stored is None else read_certificate(_octets(stored))


def _instant(stored: str) -> datetime:
    instant = datetime.fromisoformat(stored)
    if instant.tzinfo is None:
        raise ValueError(f"{stored} has no time zone")
    return instant


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
