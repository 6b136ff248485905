"""What outlasts a restart, in every state of an enrolment."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from router_emu.pki import snapshot
from router_emu.pki.snapshot import BrokenState
from router_emu.pki.store import Pki
from router_emu.pki.wire import CISCO
from scep_core.enrolment import State
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa, awaited


def through_json(pki: Pki) -> Pki:
    fresh = Pki(CISCO, os.urandom)
    snapshot.load(fresh, json.loads(json.dumps(snapshot.dump(pki))))
    return fresh


def bring_to(state: str, lab: Lab, ca: ScriptedCa, password: str = "") -> None:
    """An RA-mode trustpoint whose enrolment stands there."""
    ca.use_ras()
    lab.authenticate("subject-name CN=r1")
    if state == "none":
        return
    ca.answer = {"lost": ca.silent, "issued": ca.issued}.get(state, ca.pending)
    lab.hold = state == "sent"
    lab.type("crypto ca enroll myca", password, password)
    if state == "polling":
        lab.hold = True
        lab.wait(minutes=2)


STATES = ["none", "sent", "lost", "pending", "polling", "issued"]


@pytest.mark.parametrize("state", STATES)
def test_everything_comes_back(lab: Lab, ca: ScriptedCa, state: str) -> None:
    bring_to(state, lab, ca)
    back = through_json(lab.pki)
    assert back.trustpoints == lab.pki.trustpoints
    assert back.attempts == lab.pki.attempts
    assert back.timers() == lab.pki.timers()
    assert snapshot.dump(back) == snapshot.dump(lab.pki)


@pytest.mark.parametrize("state", STATES)
def test_what_the_version_before_has_kept_comes_back(lab: Lab, ca: ScriptedCa, state: str) -> None:
    bring_to(state, lab, ca)
    fresh = Pki(CISCO, os.urandom)
    snapshot.load(fresh, as_before(json.loads(json.dumps(snapshot.dump(lab.pki)))))
    assert snapshot.dump(fresh) == snapshot.dump(lab.pki)


def as_before(stored: dict[str, Any]) -> dict[str, Any]:
    """The layout of the version that knew general-purpose RSA keys alone (commit 5948e89)."""
    attempts = {}
    for each in stored["attempts"]:
        new = ("purpose", "subject", "fingerprint", "signer", "digest", "renews", "renewal_request")
        kept = {name: value for name, value in each.items() if name not in new}
        attempts[each["trustpoint"]] = kept | {"temporary": each["signer"]}
    trustpoints = {
        name: {"ca": each["ca"], "ra": each["ra"], "router": each["own"].get("general")}
        for name, each in stored["trustpoints"].items()
    }
    keys = [{name: key[name] for name in ("label", "created", "private_key")} for key in stored["keys"]]
    return {"keys": keys, "trustpoints": trustpoints, "attempts": attempts}


@pytest.mark.parametrize("state", STATES[1:-1])
def test_an_enrolment_goes_on_after_a_restart(lab: Lab, ca: ScriptedCa, state: str) -> None:
    bring_to(state, lab, ca)
    lab.hold = False
    due = awaited(lab.pki)[0][0] if awaited(lab.pki) else lab.screen.now + timedelta(minutes=2)
    spent = lab.pki.attempts["myca"].machine.retries
    ca.answer = ca.issued
    lab.restart()
    if state == "sent":
        assert lab.pki.attempts["myca"].machine.state is State.NONEXISTENT
    assert awaited(lab.pki)[0][0] == due
    assert lab.pki.attempts["myca"].machine.retries == spent
    lab.wait(minutes=2)
    assert lab.pki.trustpoint("myca").router is not None
    assert ca.kinds[-1] == ("CertPoll" if state in ("pending", "polling") else "PkcsReq")
    request, last = ca.messages[0], ca.messages[-1]
    assert request.head.transaction_id == last.head.transaction_id


@pytest.mark.parametrize("state", STATES)
def test_a_challenge_password_rests_nowhere(lab: Lab, ca: ScriptedCa, state: str) -> None:
    """Not in a request that is kept, however that is encoded; so what is to be sent again is given up."""
    bring_to(state, lab, ca, PASSWORD)
    for octets in octets_in(snapshot.dump(lab.pki)):
        assert PASSWORD.encode() not in octets
    if state == "none":
        return
    lab.hold = False
    fingerprint = lab.screen.text.rpartition("Fingerprint: ")[2].split(" \n")[0]
    lab.restart()
    if state in ("sent", "lost"):
        assert "its challenge password is not kept over a restart. Enroll again" in lab.log[-2]
        assert lab.pki.attempts == {}
        ca.answer = ca.issued
        lab.type("crypto ca enroll myca", PASSWORD, PASSWORD)
    elif state != "issued":
        assert fingerprint in lab.type("show crypto ca certificates").text
        ca.answer = ca.issued
        lab.wait(minutes=2)
        assert ca.kinds[-1] == "CertPoll"
    assert lab.pki.trustpoint("myca").router is not None


def octets_in(stored: Any) -> Iterator[bytes]:
    """Every text of a snapshot, as it stands and decoded."""
    if isinstance(stored, dict | list):
        for each in stored.values() if isinstance(stored, dict) else stored:
            yield from octets_in(each)
    elif isinstance(stored, str):
        yield stored.encode()
        with suppress(ValueError):
            yield base64.b64decode(stored, validate=True)
        with suppress(ValueError):
            yield bytes.fromhex(stored)


def test_the_restart_spends_the_poll_that_was_on_its_way(lab: Lab, ca: ScriptedCa) -> None:
    bring_to("polling", lab, ca)
    lab.hold = False
    for _ in range(2):
        lab.wait(minutes=2)
        lab.restart()
    lab.hold = True
    lab.wait(minutes=2)
    assert lab.pki.attempts["myca"].machine.retries == 3
    lab.hold = False
    lab.restart()
    assert lab.pki.attempts == {}
    assert "CERTTIMEOUT" in lab.log[-1]


def test_an_attempt_after_a_restart_has_another_number(lab: Lab, ca: ScriptedCa) -> None:
    bring_to("pending", lab, ca)
    old = lab.pki.attempts["myca"].number
    lab.restart()
    lab.pki.cancel("myca", lab.screen.now)
    lab.type("crypto ca enroll myca", "", "")
    assert lab.pki.attempts["myca"].number > old


def change(*path: str | int, to: object) -> Callable[[Any], None]:
    def apply(stored: Any) -> None:
        for key in path[:-1]:
            stored = stored[key]
        stored[path[-1]] = to

    return apply


ATTEMPT = ("attempts", 0)


@pytest.mark.parametrize(
    "damage",
    [
        change("keys", to=None),
        change("keys", to=[[]]),
        change("keys", 0, "private_key", to="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        change("keys", 0, "private_key", to=7),
        change("keys", 0, "created", to="yesterday"),
        change("keys", 0, "created", to="2003-09-18T17:33:23"),
        change("trustpoints", to=[]),
        change("trustpoints", "myca", "ca", to="AAAA"),
        change("trustpoints", "myca", "ca", to="not base64!"),
        change("trustpoints", "myca", "ra", to=[None]),
        change(*ATTEMPT, to=None),
        change(*ATTEMPT, "request", to="MAA="),
        change(*ATTEMPT, "signer", to=None),
        change(*ATTEMPT, "state", to="dreaming"),
        change(*ATTEMPT, "wake_at", to="soon"),
        change(*ATTEMPT, "wake_at", to="2003-09-18T17:33:23"),
        change(*ATTEMPT, "retry_period", to="2"),
        change(*ATTEMPT, "retry_period", to=1e300),
        change(*ATTEMPT, "retry_period", to=-5),
        change(*ATTEMPT, "retry_count", to="ten"),
        change(*ATTEMPT, "retries", to=None),
        change(*ATTEMPT, "retries", to=True),
        change(*ATTEMPT, "number", to="x"),
        change(*ATTEMPT, "key_label", to=[1]),
        change(*ATTEMPT, "trustpoint", to=None),
        change(*ATTEMPT, "transaction_id", to=7),
        change(*ATTEMPT, "base_url", to=5),
        change(*ATTEMPT, "base_url", to=""),  # by hand, and yet a timer
        change(*ATTEMPT, "subject", to=""),
        change(*ATTEMPT, "renews", to="no"),
        change(*ATTEMPT, "state", to="issued"),
        change(*ATTEMPT, "state", to="sent"),  # and yet a timer
        change("next_tries", to={"myca": 7}),
    ],
)
def test_damage_is_found(lab: Lab, ca: ScriptedCa, damage: Callable[[Any], None]) -> None:
    bring_to("pending", lab, ca)
    stored = json.loads(json.dumps(snapshot.dump(lab.pki)))
    damage(stored)
    fresh = Pki(CISCO, os.urandom)
    with pytest.raises(BrokenState, match="the stored PKI state cannot be read"):
        snapshot.load(fresh, stored)
    assert (list(fresh.keys), fresh.trustpoints, fresh.attempts) == ([], {}, {})


def test_a_request_to_be_sent_again_needs_a_timer(lab: Lab, ca: ScriptedCa) -> None:
    bring_to("lost", lab, ca)
    stored = snapshot.dump(lab.pki)
    stored["attempts"][0]["wake_at"] = None
    with pytest.raises(BrokenState, match="an enrolment that is nonexistent and has no timer"):
        snapshot.load(Pki(CISCO, os.urandom), stored)


@pytest.mark.parametrize("stored", [None, [], {}, "", 7])
def test_what_is_no_snapshot(stored: Any) -> None:
    with pytest.raises(BrokenState):
        snapshot.load(Pki(CISCO, os.urandom), stored)
