"""Renewal, by a RenewalReq and as Cisco does it (a PKCSReq signed with the certificate)."""

from datetime import timedelta

import pytest

from ca_server.domain.approval import RenewedRevoked
from ca_server.domain.challenges import Use
from ca_server.domain.policy import Decide, Renewals
from ca_server.domain.profiles import NDES, RFC8894
from ca_server.domain.requests import State
from ca_server.domain.revocation import Reason
from scep_core import certificates, names
from scep_core.cms import Identity
from scep_core.messages import Failure, Pending, RenewalReq, Success
from scep_core.values import FailInfo
from tests.ca_server.conftest import HASHER
from tests.ca_server.enrolment_stage import (
    ONE_TIME,
    TYPES,
    ask_for,
    enrol,
    new_challenge,
    of_another_ca,
    renewal,
    revoke,
    signs_with,
)

SIGNATURES = certificates.ext_key_usage("digital_signature")
TLS_CLIENT = certificates.ext_extended_key_usage(certificates.CLIENT_AUTH)


@TYPES
def test_with_the_same_key(lab, client, kind):
    old = enrol(lab, client)
    lab.clock.advance(timedelta(days=300))
    assert lab.send(client, renewal(client, kind)) == Pending()
    request = lab.requests[-1]
    assert (request.renews, request.signer) == (old.serial_number, "issued by this CA")
    assert lab.send(client, renewal(client, kind)) == Pending()  # the same again is a poll
    assert len(lab.requests) == 2
    lab.approve(request.id)
    [new] = lab.send(client, client.poll()).certificates
    assert new.serial_number != old.serial_number
    assert new.not_after > old.not_after
    # A lost reply is sent again, and the next renewal is signed with the new certificate.
    assert lab.send(client, renewal(client, kind)) == Success((new,))
    client.identity = Identity(new, client.key)
    assert lab.send(client, renewal(client, kind)) == Pending()
    assert lab.requests[-1].renews == new.serial_number


@TYPES
def test_with_a_new_key(lab, client, keys, kind):
    enrol(lab, client)
    new_key = keys(7)
    message = client.seal(kind(client.csr(key=new_key)), transaction_id="another")
    assert lab.send(client, message, transaction_id="another") == Pending()
    lab.approve(2)
    reply = lab.send(client, client.poll(transaction_id="another"), transaction_id="another")
    numbers = certificates.read_certificate(reply.certificates[0].der).public_key().public_numbers()
    assert numbers == new_key.public_key().public_numbers()


@TYPES
@pytest.mark.parametrize("state", ["expired", "revoked", "held"])
def test_a_certificate_that_is_no_good_renews_nothing(lab, client, kind, state):
    issued = enrol(lab, client)
    if state == "expired":
        lab.clock.instant = issued.not_after
    else:
        reason = Reason.KEY_COMPROMISE if state == "revoked" else Reason.CERTIFICATE_HOLD
        lab.desks.revocation.revoke(issued.serial_number, reason=reason, by="op", now=lab.clock.now())
    reply = lab.send(client, renewal(client, kind))
    assert reply == Failure(FailInfo.BAD_CERT_ID, f"renewal: the certificate is {state}")
    assert len(lab.requests) == 1


def test_a_renewal_req_must_be_signed_with_a_certificate_of_ours(lab, client, make_client):
    foreign = make_client(1)
    for signer in (client.identity, of_another_ca(foreign, client), lab.authority.ra_signing):
        message = client.seal(RenewalReq(client.csr()), signer=signer)
        identity, client.identity = client.identity, signer
        reply = lab.send(client, message)
        client.identity = identity
        assert reply == Failure(FailInfo.BAD_CERT_ID, "renewal: not signed with a certificate of this CA")
    assert lab.requests == []


@TYPES
@pytest.mark.parametrize("what", ["subject", "one more name"])
def test_other_names_are_no_renewal(make_lab, client, kind, what):
    lab = make_lab(renewals=Renewals.ISSUE)
    own = [certificates.ext_subject_alt_name([("DNS", b"r1.lab")])]
    enrol(lab, client, extensions=own)
    more = [certificates.ext_subject_alt_name([("DNS", b"r1.lab"), ("DNS", b"boss.lab")])]
    if what == "subject":
        client.subject = names.build_name([[(names.COMMON_NAME, "boss.lab")]])
        message = renewal(client, kind)
    else:
        message = renewal(client, kind, extensions=more)
    reply = lab.send(client, message)
    if kind is RenewalReq:
        assert reply == Failure(FailInfo.BAD_REQUEST, "renewal: for other names than the certificate's")
    else:  # a request like any other, for a person to look at
        assert reply == Pending()
        assert lab.requests[-1].renews is None


@TYPES
def test_what_the_profile_says_of_renewals(make_lab, client, make_client, kind):
    lab = make_lab(renewals=Renewals.ISSUE)
    enrol(lab, client)
    assert isinstance(lab.send(client, renewal(client, kind)), Success)
    assert lab.requests[-1].decided_by == "policy"
    strict = make_lab(renewals=Renewals.REFUSE)
    client.identity = Identity(lab.send(client, client.poll()).certificates[0], client.key)
    reply = strict.send(client, renewal(client, kind))
    assert reply == Failure(FailInfo.BAD_REQUEST, "renewal is not allowed here")
    first = make_client(1, "r2.lab")
    assert strict.send(first, first.pkcs_req()) == Pending()  # which is no renewal


@TYPES
def test_a_certificate_stands_for_a_request_at_its_own_profile_alone(make_lab, client, kind):
    """Or a lax profile's certificate would buy a strict one's without its password."""
    lab = make_lab(decide=Decide.AUTOMATIC, in_profile={"ndes": ONE_TIME})
    [issued] = lab.send(client, client.pkcs_req()).certificates
    signs_with(client, issued)
    reply = lab.send(client, renewal(client, kind), NDES)
    assert reply.text == "a challenge password is needed"
    password = new_challenge(lab)
    assert isinstance(lab.send(client, renewal(client, kind, challenge=password), NDES), Success)
    assert lab.requests[-1].challenge == "right"


@TYPES
@pytest.mark.parametrize(
    ("asked", "issued"),
    [
        ([SIGNATURES, TLS_CLIENT], True),
        ([certificates.ext_key_usage("digital_signature", "key_encipherment"), TLS_CLIENT], False),
        ([TLS_CLIENT], False),  # who asks for no usage gets the usual two
        ([SIGNATURES, certificates.ext_extended_key_usage("1.3.6.1.5.5.7.3.3")], False),
        ([SIGNATURES], False),  # and the profile's purposes
    ],
)
def test_a_certificate_stands_for_no_more_than_it_is_good_for(make_lab, client, kind, asked, issued):
    lab = make_lab(renewals=Renewals.ISSUE)
    enrol(lab, client, extensions=[SIGNATURES, TLS_CLIENT])
    reply = lab.send(client, ask_for(client, *asked, kind=kind))
    assert isinstance(reply, Success if issued else Pending)


# ------------------------------------------------------------------------------- while it waits


@TYPES
@pytest.mark.parametrize("reason", [Reason.KEY_COMPROMISE, Reason.CERTIFICATE_HOLD])
def test_what_is_revoked_meanwhile_is_renewed_by_nobody(make_lab, client, kind, reason):
    lab = make_lab(decide=Decide.AFTER_TIME)
    issued = enrol(lab, client)
    assert lab.send(client, renewal(client, kind)) == Pending()
    revoke(lab, issued, reason)
    with pytest.raises(RenewedRevoked):
        lab.approve(2)
    lab.clock.advance(timedelta(hours=1))
    reply = lab.send(client, client.poll())
    assert reply == Failure(FailInfo.BAD_REQUEST, "the certificate that this renews is no longer valid")
    assert [each.state for each in lab.requests] == [State.ISSUED, State.DENIED]


@TYPES
def test_what_has_ended_meanwhile_is_renewed_all_the_same(lab, client, kind):
    issued = enrol(lab, client)
    lab.clock.instant = issued.not_after - timedelta(days=1)
    assert lab.send(client, renewal(client, kind)) == Pending()
    lab.clock.instant = issued.not_after
    assert lab.send(client, renewal(client, kind)) == Pending()  # asks again, and for nothing new
    lab.approve(2)
    assert isinstance(lab.send(client, client.poll()), Success)


@TYPES
def test_a_lost_answer_is_sent_again_though_the_old_one_is_revoked(automatic, client, kind):
    old = enrol(automatic, client)
    message = renewal(client, kind)
    reply = automatic.send(client, message)
    revoke(automatic, old, Reason.SUPERSEDED)
    assert automatic.send(client, message) == reply
    assert automatic.send(client, renewal(client, kind)) == reply


@pytest.mark.parametrize(("asked", "kept"), [(None, "first"), ("second", "second")])
def test_the_password_that_revokes_it_stays_until_there_is_another(automatic, client, asked, kept):
    enrol(automatic, client, challenge="first")
    automatic.send(client, renewal(client, challenge=asked))
    assert automatic.requests[-1].renews
    assert automatic.requests[-1].challenge_digest == HASHER.digest(kept, Use.ENROLMENT)


def test_a_renewal_is_no_second_certificate_in_the_sense_of_case_3(make_lab, client):
    lab = make_lab(decide=Decide.AUTOMATIC)
    lab.send(client, client.pkcs_req(), RFC8894)
    client.identity = Identity(lab.send(client, client.poll(), RFC8894).certificates[0], client.key)
    assert isinstance(lab.send(client, renewal(client, RenewalReq), RFC8894), Success)
