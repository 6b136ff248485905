"""The PKI's state as JSON values and back, so that a restart loses nothing.

It holds private keys, so it is for private state only; challenge passwords are not in it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from router_emu.pki.attempts import Attempt
from router_emu.pki.keys import Algorithm, KeyRing, Purpose
from router_emu.pki.request import Application
from router_emu.pki.snapshot_keys import dump_login_keys, dump_ring, load_login_keys, load_ring, read_instant
from router_emu.pki.store import Pki
from router_emu.pki.trustpoint import TrustpointState
from scep_core import names
from scep_core.certificates import Certificate, read_certificate
from scep_core.csr import Csr, slice_csr
from scep_core.enrolment import Enrolment, State
from scep_core.values import Digest

Json = dict[str, Any]
T = TypeVar("T")


class BrokenState(ValueError):
    """What was stored cannot be read."""


def dump(pki: Pki) -> Json:
    """Everything that has to outlast a restart."""
    return {
        "keys": dump_ring(pki.keys),
        "login_keys": dump_login_keys(pki.login_keys),
        "trustpoints": {name: _dump_trustpoint(state) for name, state in pki.trustpoints.items()},
        "attempts": [_dump_attempt(attempt) for attempt in pki.attempts.values()],
        "next_tries": {slot: when.isoformat() for slot, when in pki.upkeep.next_tries.items()},
        "expiries_told": sorted(pki.upkeep.expiries.told),
        # The pool has a file of its own, whose loss is to be noticed.
        "has_bundle": bool(pki.pool.pool.downloaded),
    }


def load(pki: Pki, stored: Mapping[str, Any]) -> bool:
    """Put what ``dump`` made into a fresh ``pki``; BrokenState when it is not that.

    True when the trust pool, which is not in it, held a bundle.
    """
    try:
        stored = stored if "login_keys" in stored else _of_general_keys(stored)
        keys, login_keys = load_ring(stored["keys"]), load_login_keys(stored["login_keys"])
        trustpoints = {name: _load_trustpoint(each) for name, each in stored["trustpoints"].items()}
        attempts = [_load_attempt(each) for each in stored["attempts"]]
        attempts = [each for each in attempts if _has_key(keys, each)]
        next_tries = {slot: read_instant(each) for slot, each in stored["next_tries"].items()}
        # An earlier version told of no end.
        told = {(str(name), str(fingerprint)) for name, fingerprint in stored.get("expiries_told", [])}
        # An earlier version knew no trust pool.
        has_bundle = _of(bool, stored.get("has_bundle", False))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BrokenState(f"the stored PKI state cannot be read: {error}") from error
    pki.keys, pki.login_keys = keys, login_keys
    pki.trustpoints.update(trustpoints)
    pki.attempts.update({each.application.slot: each for each in attempts})
    pki.upkeep.next_tries.update(next_tries)
    pki.upkeep.expiries.told = told
    return has_bundle


def _of_general_keys(stored: Mapping[str, Any]) -> Json:
    """What the version before this one has kept, which knew general-purpose RSA keys alone."""
    attempts = []
    for each in stored["attempts"].values():
        request = slice_csr(_octets(each["request"]))
        made: Json = {"subject": _text(request.subject), "fingerprint": request.fingerprint(Digest.MD5).hex()}
        made |= {"purpose": str(Purpose.GENERAL), "signer": each["temporary"], "digest": None}
        attempts.append(each | made | {"renews": False, "renewal_request": False})
    return {
        "keys": [each | {"purpose": str(Purpose.GENERAL)} for each in stored["keys"]],
        "login_keys": [],
        "trustpoints": {
            name: {
                "ca": each["ca"],
                "ra": each["ra"],
                "above": [],
                "own": {str(Purpose.GENERAL): each["router"]} if each["router"] else {},
            }
            for name, each in stored["trustpoints"].items()
        },
        "attempts": attempts,
        "next_tries": {},
    }


def _has_key(keys: KeyRing, attempt: Attempt) -> bool:
    held = keys.find(Algorithm.RSA, attempt.key_label)
    return any(key.purpose is attempt.application.purpose for key in held)


def _dump_trustpoint(state: TrustpointState) -> Json:
    return {
        "ca": None if state.ca is None else _text(state.ca.der),
        "ra": [_text(each.der) for each in state.ra],
        "above": [_text(each.der) for each in state.above],
        "own": {str(purpose): _text(each.der) for purpose, each in state.own.items()},
        "next": None if state.next is None else _dump_trustpoint(state.next),
    }


def _load_trustpoint(stored: Json) -> TrustpointState:
    return TrustpointState(
        ca=None if stored["ca"] is None else _certificate(stored["ca"]),
        ra=tuple(map(_certificate, stored["ra"])),
        above=tuple(map(_certificate, stored["above"])),
        own={Purpose(purpose): _certificate(each) for purpose, each in stored["own"].items()},
        # An earlier version knew no rollover.
        next=_load_trustpoint(stored["next"]) if stored.get("next") else None,
    )


def _dump_attempt(attempt: Attempt) -> Json:
    application, machine = attempt.application, attempt.machine
    return {
        "number": attempt.number,
        "key_label": attempt.key_label,
        "base_url": application.base_url,
        "trustpoint": application.trustpoint,
        "purpose": str(application.purpose),
        "transaction_id": application.transaction_id,
        "request": _dump_request(application.request),
        "subject": _text(application.subject),
        "fingerprint": application.fingerprint.hex(),
        "signer": _text(application.signer.der),
        "digest": application.digest and str(application.digest),
        "renews": application.renews,
        "renewal_request": application.renewal_request,
        "to_next_ca": application.to_next_ca,
        "retry_period": machine.retry_period.total_seconds(),
        "retry_count": machine.retry_count,
        "state": str(machine.state),
        "retries": machine.retries,
        "wake_at": machine.wake_at.isoformat() if machine.wake_at else None,
        "told": attempt.told,
    }


def _dump_request(request: Csr | None) -> str | None:
    """None too for one with a challenge password: that is never written down."""
    return None if request is None or request.challenge_password is not None else _text(request.der)


def _load_attempt(stored: Json) -> Attempt:
    application = Application(
        base_url=_of(str, stored["base_url"]),
        trustpoint=_of(str, stored["trustpoint"]),
        purpose=Purpose(stored["purpose"]),
        transaction_id=_of(str, stored["transaction_id"]),
        request=None if stored["request"] is None else slice_csr(_octets(stored["request"])),
        subject=_name(stored["subject"]),
        fingerprint=bytes.fromhex(stored["fingerprint"]),
        signer=_certificate(stored["signer"]),
        digest=Digest(stored["digest"]) if stored["digest"] else None,
        renews=_of(bool, stored["renews"]),
        renewal_request=_of(bool, stored["renewal_request"]),
        to_next_ca=_of(bool, stored.get("to_next_ca", False)),
    )
    machine = Enrolment(
        retry_period=timedelta(seconds=stored["retry_period"]),
        retry_count=_of(int, stored["retry_count"]),
        state=State(stored["state"]),
        retries=_of(int, stored["retries"]),
        wake_at=read_instant(stored["wake_at"]) if stored["wake_at"] else None,
    )
    _check_possible(machine, by_hand=application.by_hand)
    told = _of(str, stored.get("told", ""))
    return Attempt(_of(int, stored["number"]), application, machine, _of(str, stored["key_label"]), told)


def _check_possible(machine: Enrolment, *, by_hand: bool) -> None:
    """ValueError for a state that no enrolment rests in: nobody would handle its next event."""
    waits = machine.wake_at is not None
    possible = {State.NONEXISTENT: waits, State.SENT: not waits, State.PENDING: True}
    if by_hand:
        possible = {State.PENDING: not waits}
    if not possible.get(machine.state):
        raise ValueError(f"an enrolment that is {machine.state} and has {'a' if waits else 'no'} timer")
    if machine.retry_period <= timedelta():
        raise ValueError("a retry period that does not end")


def _of(kind: type[T], stored: Any) -> T:
    """The value when it is of this type, and not only of a subtype, as True is of int; TypeError."""
    if type(stored) is not kind:
        raise TypeError(f"{stored!r:.40} is not of type {kind.__name__}")
    value: T = stored
    return value


def _name(stored: str) -> bytes:
    octets = _octets(stored)
    names.parse_name(octets)
    return octets


def _certificate(stored: str) -> Certificate:
    return read_certificate(_octets(stored))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
