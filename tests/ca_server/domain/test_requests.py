"""The states of a request, and what is kept of one."""

import itertools

import pytest

from ca_server.domain.requests import TABLE, Event, State, WrongState, next_state, same_key, without_challenge
from scep_core import asn1, certificates
from scep_core.algorithms import RSA_ENCRYPTION
from scep_core.csr import slice_csr

ENDS = (State.ISSUED, State.DENIED)


def test_what_the_table_lacks_is_refused():
    for state, event in itertools.product((None, *State), Event):
        if (state, event) not in TABLE:
            with pytest.raises(WrongState):
                next_state(state, event)


def test_a_decision_is_final():
    for state in ENDS:
        assert {event: after for (before, event), after in TABLE.items() if before is state} == {
            Event.POLL: state
        }


def test_every_state_can_be_reached():
    assert set(TABLE.values()) == set(State)


@pytest.mark.parametrize("challenge", ["cisco", "not printable: é*", ""])
def test_the_challenge_password_is_cut_out_and_nothing_else(client, challenge):
    asked = [certificates.ext_subject_alt_name([("DNS", b"r1.lab")])]
    original = client.csr(challenge=challenge, extensions=asked)
    kept = slice_csr(without_challenge(original))
    assert kept.challenge_password is None
    assert (kept.subject, kept.public_key_info, kept.extensions) == (
        original.subject,
        original.public_key_info,
        original.extensions,
    )
    assert challenge == "" or challenge.encode() not in kept.der


def test_a_request_without_challenge_is_kept_byte_for_byte(client):
    original = client.csr()
    assert without_challenge(original) == original.der


def test_keys_are_the_same_however_they_are_encoded(client, make_client):
    info = client.public_key_info
    _, key = asn1.items(info)
    without_null = asn1.sequence_of(asn1.oid(RSA_ENCRYPTION))  # the parameters left out, as some clients do
    other = asn1.sequence_of(without_null, asn1.raw(key))
    assert other != info
    assert same_key(info, other)
    assert not same_key(info, make_client(1).public_key_info)
