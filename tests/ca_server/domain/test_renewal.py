"""Renewal, by a RenewalReq and as Cisco does it; and the resynchronisation cases of RFC 8894 section 5.2."""

from datetime import timedelta

import pytest

from ca_server.domain.policy import Decide, Renewals
from ca_server.domain.profiles import RFC8894
from ca_server.domain.revocation import Reason
from scep_core import certificates, names
from scep_core.cms import Identity
from scep_core.messages import Failure, GetCert, Pending, PkcsReq, RenewalReq, Success
from scep_core.values import Digest, FailInfo

TYPES = pytest.mark.parametrize("kind", [PkcsReq, RenewalReq], ids=["19", "17"])


def enrol(lab, client, **options):
    """Enrol, whoever decides; the client signs with its certificate from then on."""
    lab.send(client, client.seal(PkcsReq(client.csr(**options))))
    request = lab.requests[-1]
    if request.state == "pending":
        lab.approve(request.id)
    [issued] = lab.send(client, client.poll()).certificates
    client.identity = Identity(issued, client.key)
    return issued


def renewal(client, kind, key=None, **options):
    return client.seal(kind(client.csr(key=key, **options)))


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


def of_another_ca(stranger, client):
    """A certificate of the client's key, issued by somebody else under our CA's name."""
    made = certificates.build_certificate(
        serial_number=1,
        issuer=client.authority.ca.certificate.subject,
        subject=client.subject,
        public_key_info=client.public_key_info,
        not_before=client.identity.certificate.not_before,
        not_after=client.identity.certificate.not_after,
        extensions=[],
        key=stranger.key,
        digest=Digest.SHA256,
    )
    return Identity(made, client.key)


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
def test_what_the_profile_says_of_renewals(make_lab, client, kind):
    lab = make_lab(renewals=Renewals.ISSUE)
    enrol(lab, client)
    assert isinstance(lab.send(client, renewal(client, kind)), Success)
    assert lab.requests[-1].decided_by == "policy"
    strict = make_lab(renewals=Renewals.REFUSE)
    client.identity = Identity(lab.send(client, client.poll()).certificates[0], client.key)
    reply = strict.send(client, renewal(client, kind))
    assert reply == Failure(FailInfo.BAD_REQUEST, "renewal is not allowed here")


# ------------------------------------------------------------------------------ resynchronisation


def test_case_1_a_new_request_waits_beside_the_old_one(lab, client):
    for transaction_id in ("3", "4"):
        message = client.pkcs_req(transaction_id=transaction_id)
        assert lab.send(client, message, transaction_id=transaction_id) == Pending()
    assert [(each.transaction_id, each.state) for each in lab.requests] == [
        ("3", "pending"),
        ("4", "pending"),
    ]


def test_cases_2_and_4_a_poll_is_resumed(lab, client):
    lab.send(client, client.pkcs_req())
    lab.send(client, client.poll())
    lab.clock.advance(timedelta(days=3))
    lab.approve(1)
    first = lab.send(client, client.poll())
    lab.clock.advance(timedelta(days=3))
    assert lab.send(client, client.poll()) == first
    assert len(lab.certificates) == 1


def test_case_3_a_subject_with_a_valid_certificate_gets_no_second_one(lab, client):
    def ask(number):
        return lab.send(client, client.pkcs_req(transaction_id=number), RFC8894, transaction_id=number)

    assert ask("6") == Pending()
    lab.approve(1)
    reply = ask("7")
    assert reply.fail_info is FailInfo.BAD_REQUEST
    assert "revoked" in reply.text
    serial = lab.certificates[0].serial_number
    lab.desks.revocation.revoke(serial, reason=Reason.SUPERSEDED, by="operator", now=lab.clock.now())
    assert ask("8") == Pending()
    assert [each.transaction_id for each in lab.requests] == ["6", "8"]


def test_who_has_no_subject_is_told_apart_by_his_names(make_lab, make_client):
    lab = make_lab(decide=Decide.AUTOMATIC)
    for number in range(2):
        client = make_client(number, subject=names.build_name([]))
        asked = [certificates.ext_subject_alt_name([("DNS", b"r%d.lab" % number)])]
        message = client.seal(PkcsReq(client.csr(extensions=asked)))
        assert isinstance(lab.send(client, message, RFC8894), Success)
    nobody = make_client(3, subject=names.build_name([]))
    assert lab.send(nobody, nobody.pkcs_req()) == Failure(
        FailInfo.BAD_REQUEST, "certification request: it names nobody"
    )


def test_after_a_revocation_the_same_transaction_asks_anew(lab, client):
    """Cisco's transaction ID is the key's, so a router that enrols again comes in the same one."""
    old = enrol(lab, client)
    client.identity = client.self_signed(client.subject)
    assert lab.send(client, client.pkcs_req()) == Success((old,))
    lab.desks.revocation.revoke(old.serial_number, by="operator", now=lab.clock.now())
    assert lab.send(client, client.pkcs_req()) == Pending()
    assert len(lab.requests) == 2
    query = client.seal(GetCert(lab.authority.ca.certificate.subject, old.serial_number))
    assert lab.send(client, query) == Success((old,))  # a revoked certificate is still told


def test_a_renewal_is_no_second_certificate_in_the_sense_of_case_3(make_lab, client):
    lab = make_lab(decide=Decide.AUTOMATIC)
    lab.send(client, client.pkcs_req(), RFC8894)
    client.identity = Identity(lab.send(client, client.poll(), RFC8894).certificates[0], client.key)
    assert isinstance(lab.send(client, renewal(client, RenewalReq), RFC8894), Success)
