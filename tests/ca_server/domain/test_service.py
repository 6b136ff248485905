"""The story of a request at the CA, message by message."""

import os
from datetime import timedelta

import pytest

from ca_server.domain.issuance import Terms
from ca_server.domain.places import Places
from ca_server.domain.profiles import COMPAT, NDES
from ca_server.domain.requests import State
from scep_core import asn1, certificates, cms, envelopes, names, pkimessage
from scep_core.cms import Identity
from scep_core.messages import Failure, GetCert, GetCrl, Pending, PkcsReq, Success
from scep_core.values import OAEP_SHA256, Algorithms, Cipher, Digest, FailInfo

PLACES = Places("http://ca.lab:8080")
BOTH = pytest.mark.parametrize("profile", [COMPAT, NDES], ids=lambda each: each.name)


def refusal(reply):
    assert isinstance(reply, Failure)
    assert reply.text
    return reply.fail_info


# ------------------------------------------------------------------------------- the way of a request


@BOTH
def test_pending_polled_approved_issued(lab, client, profile):
    assert lab.send(client, client.pkcs_req(), profile) == Pending()
    lab.clock.advance()
    assert lab.send(client, client.poll(), profile) == Pending()
    request = lab.only_request
    assert (request.state, request.polls, request.last_poll_at) == (State.PENDING, 1, lab.clock.now())
    lab.approve(request.id)
    lab.clock.advance()
    reply = lab.send(client, client.poll(), profile)
    [issued] = reply.certificates
    assert (issued.subject, issued.public_key_info) == (client.subject, client.public_key_info)
    certificates.verify_issued_by(issued, lab.authority.ca.certificate)
    assert lab.store.request(request.id).serial_number == issued.serial_number
    assert lab.store.request(request.id).polls == 1
    # RFC 8894 section 5.2, case 4: whoever has lost the answer asks again.
    assert lab.send(client, client.poll(), profile) == reply
    assert lab.send(client, client.pkcs_req(), profile) == reply
    assert len(lab.certificates) == 1


@BOTH
def test_a_denial_and_its_reason_reach_the_client(lab, client, profile):
    message = client.pkcs_req()
    nonce = client.sent_nonce
    lab.send(client, message, profile)
    lab.deny(1, "  no such router: é ")
    expected = Failure(FailInfo.BAD_REQUEST, "no such router: é", profile.hresult)
    assert lab.send(client, client.poll(), profile) == expected
    client.sent_nonce = nonce
    assert lab.send(client, message, profile) == expected  # the very same message, sent again
    assert lab.only_request.polls == 0


def test_a_denial_without_reason_says_who(lab, client):
    lab.send(client, client.pkcs_req())
    lab.deny(1)
    assert lab.send(client, client.poll()) == Failure(FailInfo.BAD_REQUEST, "denied by the operator")


def test_enroll_typed_again_after_a_denial_is_a_new_request(lab, client):
    lab.send(client, client.pkcs_req())
    lab.deny(1)
    assert lab.send(client, client.pkcs_req()) == Pending()
    assert [(each.id, each.state) for each in lab.requests] == [(1, "denied"), (2, "pending")]
    assert lab.send(client, client.poll()) == Pending()
    lab.approve(2)
    assert isinstance(lab.send(client, client.poll()), Success)


@pytest.mark.parametrize("same_message", [True, False])
def test_a_repeated_pkcs_req_is_a_poll(lab, client, same_message):
    first = client.pkcs_req()
    lab.send(client, first)
    again = first if same_message else client.pkcs_req()
    assert lab.send(client, again) == Pending()
    assert lab.only_request.polls == 1
    lab.approve(1)
    assert isinstance(lab.send(client, again), Success)


def test_after_the_certificate_has_ended_it_is_a_new_request(lab, client):
    lab.send(client, client.pkcs_req())
    lab.approve(1)
    lab.clock.advance(timedelta(days=364))
    assert isinstance(lab.send(client, client.pkcs_req()), Success)
    lab.clock.advance(timedelta(days=2))
    assert lab.send(client, client.pkcs_req()) == Pending()
    assert [each.state for each in lab.requests] == [State.ISSUED, State.PENDING]


def test_a_corrected_request_of_the_same_key_is_not_taken_for_a_poll(lab, client):
    """A router's transaction ID is made from its key, so a corrected subject comes in the same one."""
    assert lab.send(client, client.pkcs_req()) == Pending()
    asked = [certificates.ext_subject_alt_name([("DNS", b"corrected.lab")])]
    corrected = PkcsReq(client.csr(extensions=asked))
    assert lab.send(client, client.seal(corrected)) == Pending()
    old, new = lab.requests
    assert (old.state, old.decided_by, old.polls) == (State.DENIED, "policy", 0)
    assert "replaced" in old.reason
    assert (new.state, new.subject_alt_names) == (State.PENDING, ("DNS:corrected.lab",))
    assert lab.send(client, client.poll()) == Pending()  # a poll means the newest
    lab.approve(new.id)
    [issued] = lab.send(client, client.seal(corrected)).certificates
    assert issued.extension(certificates.SUBJECT_ALT_NAME).value == asked[0].value

    assert lab.send(client, client.pkcs_req()) == Pending()  # and back: the certificate is for other names
    assert [each.state for each in lab.requests] == [State.DENIED, State.ISSUED, State.PENDING]


def test_another_challenge_password_alone_is_the_same_request(lab, client):
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="first"))))
    second = client.csr(challenge="second")
    assert lab.send(client, client.seal(PkcsReq(second))) == Pending()
    request = lab.only_request
    assert request.polls == 1
    # The operator compares what the router has printed this time.
    assert request.md5.replace(" ", "") == second.fingerprint(Digest.MD5).hex().upper()
    assert b"second" not in request.csr
    lab.send(client, client.seal(PkcsReq(client.csr())))
    assert lab.only_request.challenge == "absent"


def test_a_transaction_belongs_to_its_key(lab, client, make_client):
    lab.send(client, client.pkcs_req())
    thief = make_client(1)
    for state in State:
        reply = lab.send(
            thief,
            thief.pkcs_req(transaction_id=client.transaction_id),
            transaction_id=client.transaction_id,
        )
        assert reply == Failure(FailInfo.BAD_REQUEST, "transaction ID in use with another key"), state
        reply = lab.send(
            thief, thief.poll(transaction_id=client.transaction_id), transaction_id=client.transaction_id
        )
        assert refusal(reply) is FailInfo.BAD_CERT_ID
        if lab.store.request(1).state is State.PENDING:
            lab.approve(1)
    assert lab.only_request.polls == 0


def test_names_do_not_count_and_keys_do(lab, client):
    # Cisco's temporary certificate has another subject than its request (scep.md 3.2).
    other_name = names.build_name([[(names.UNSTRUCTURED_NAME, "r1.lab")]], string_type=asn1.UTF8_STRING)
    signer = client.self_signed(other_name)
    client.identity = signer
    assert lab.send(client, client.pkcs_req()) == Pending()
    client.identity = client.self_signed(names.build_name([[(names.COMMON_NAME, "another yet")]]))
    assert lab.send(client, client.poll()) == Pending()
    assert lab.only_request.subject == "CN=r1.lab"


def test_what_an_operator_is_shown(lab, client):
    asked = [certificates.ext_subject_alt_name([("DNS", b"r1.lab"), ("IP", bytes([192, 0, 2, 1]))])]
    certification_request = client.csr(challenge="s3cret-challenge", extensions=asked)
    lab.send(client, client.seal(PkcsReq(certification_request)))
    request = lab.only_request
    assert request.subject_alt_names == ("DNS:r1.lab", "IP:192.0.2.1")
    assert (request.key, request.challenge, request.signer) == ("RSA 1024", "not-checked", "self-signed")
    assert (request.profile, request.source, request.message_type) == ("compat", "192.0.2.1", 19)
    assert (request.polls, request.last_poll_at, request.decided_at) == (0, None, None)
    assert request.received_at == lab.clock.now()
    md5 = certification_request.fingerprint(Digest.MD5).hex().upper()
    assert request.md5 == " ".join(md5[at : at + 8] for at in range(0, 32, 8))
    assert request.sha1.replace(" ", "").lower() == certification_request.fingerprint(Digest.SHA1).hex()
    assert len(request.sha256) == 64 + 7
    assert "s3cret" not in repr(request)


def test_a_certificate_is_issued_after_its_challenge_was_cut_out(lab, client):
    asked = [certificates.ext_subject_alt_name([("DNS", b"r1.lab")])]
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="s3cret", extensions=asked))))
    lab.approve(1)
    [issued] = lab.send(client, client.poll()).certificates
    assert issued.extension(certificates.SUBJECT_ALT_NAME).value == asked[0].value


def test_in_automatic_mode_nobody_is_asked(automatic, client):
    reply = automatic.send(client, client.pkcs_req())
    assert reply.certificates[0].public_key_info == client.public_key_info
    request = automatic.only_request
    assert (request.state, request.decided_by) == (State.ISSUED, "policy")
    assert [(each.what, each.by) for each in automatic.desks.approval.audit(1)] == [("issued", "policy")]


def test_a_ca_that_has_ended_issues_nothing_and_says_so(automatic, client):
    automatic.clock.instant = automatic.authority.ca.certificate.not_after
    reply = automatic.send(client, client.pkcs_req())
    assert refusal(reply) is FailInfo.BAD_REQUEST
    assert "ended" in reply.text
    assert automatic.requests == []


@pytest.mark.parametrize("signer", ["issued by this CA", "issued by another CA (not verified)"])
def test_who_signs_with_a_certificate_is_shown(lab, client, make_client, signer):
    ours = "this" in signer
    # Who is not one of ours must hold the key that he asks a certificate for.
    holder = make_client(1 if ours else 0, "holder")
    if ours:
        certificate = lab.authority.issue(
            holder.csr(), Terms(), places=PLACES, now=lab.clock.now(), random_bytes=os.urandom
        )
    else:
        certificate = client_certificate_of_another_ca(lab, holder)
    client.identity = Identity(certificate, holder.key)
    assert lab.send(client, client.pkcs_req()) == Pending()
    assert lab.only_request.signer == signer


def client_certificate_of_another_ca(lab, holder):
    return certificates.build_certificate(
        serial_number=1,
        issuer=lab.authority.ca.certificate.subject,  # its name alone makes nobody ours
        subject=holder.subject,
        public_key_info=holder.public_key_info,
        not_before=lab.clock.now(),
        not_after=lab.clock.now() + timedelta(days=1),
        extensions=[],
        key=holder.key,
        digest=Digest.SHA256,
    )


# ------------------------------------------------------------------------------------ how it is sealed


@pytest.mark.parametrize("recipient", ["ca", "ra_signing", "ra_encryption"])
def test_a_request_may_be_encrypted_to_any_of_ours(lab, client, recipient):
    certificate = getattr(lab.authority, recipient).certificate
    assert lab.send(client, client.pkcs_req(recipient=certificate)) == Pending()


@pytest.mark.parametrize(
    "algorithms",
    [Algorithms(Digest.SHA1, Cipher.DES3), Algorithms(Digest.SHA512, Cipher.AES256, OAEP_SHA256)],
    ids=["old", "new"],
)
def test_the_reply_mirrors_the_requests_algorithms(automatic, client, algorithms):
    answer = automatic.handle(client.pkcs_req(algorithms=algorithms))
    reply = pkimessage.parse_message(answer.body)
    envelope = envelopes.parse_envelope(reply.signed.content)
    assert cms.digest_of(reply.signed) is algorithms.digest
    assert envelope.cipher is algorithms.cipher
    assert envelopes.addressed(envelope, [client.identity]).key_transport == algorithms.key_transport


@BOTH
def test_who_signs_replies_and_what_comes_along(lab, client, profile):
    signer = lab.authority.ra_signing if profile is NDES else lab.authority.ca
    pending = pkimessage.parse_message(lab.handle(client.pkcs_req(), profile).body)
    assert pending.signed.certificates == (signer.certificate,)
    failure = pkimessage.parse_message(lab.handle(client.poll(transaction_id="none"), profile).body)
    if profile is NDES:  # scep.md 2.6, decoded from a real one
        assert (failure.signed.content, failure.signed.certificates) == (b"\0", ())
        assert failure.hresult == -2147024809
    else:
        assert (failure.signed.content, failure.signed.certificates) == (b"", (signer.certificate,))
        assert failure.hresult is None
    assert failure.recipient_nonce == client.sent_nonce
    assert len(failure.sender_nonce) == 16
    assert failure.sender_nonce != pending.sender_nonce


# ------------------------------------------------------------------------------------------- queries


def test_get_cert_finds_what_was_issued_and_our_own(automatic, client):
    [issued] = automatic.send(client, client.pkcs_req()).certificates
    issuer = automatic.authority.ca.certificate.subject
    ours = automatic.authority.certificates(ra_mode=True)
    for wanted in (issued, *ours):
        query = client.seal(GetCert(issuer, wanted.serial_number), transaction_id="SSCEP transactionId")
        assert automatic.send(client, query, transaction_id="SSCEP transactionId") == Success((wanted,))


def test_get_crl_looks_at_the_issuer_only(lab, client):
    ca = lab.authority.ca.certificate
    reply = lab.send(client, client.seal(GetCrl(ca.subject, ca.serial_number)))
    assert reply == Success(crls=(lab.desks.revocation.crl("ca-1", lab.clock.now()),))


@pytest.mark.parametrize(
    ("profile", "fail_info"), [(COMPAT, FailInfo.BAD_CERT_ID), (NDES, FailInfo.BAD_REQUEST)]
)
def test_get_crl_of_somebody_else(lab, client, profile, fail_info):
    reply = lab.send(client, client.seal(GetCrl(client.subject, 1)), profile)
    assert refusal(reply) is fail_info
