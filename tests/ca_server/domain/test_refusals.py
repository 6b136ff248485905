"""What the service refuses, and in which of the protocol's terms (scep.md 1.4)."""

from dataclasses import replace
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_server.domain import policy
from ca_server.domain.profiles import COMPAT, NDES
from ca_server.domain.requests import Submission
from scep_core import asn1, certificates, csr, pkimessage
from scep_core.certificates import Extension
from scep_core.errors import NotAPkiMessage
from scep_core.messages import Failure, GetCert, PkcsReq, RenewalReq, Success
from scep_core.values import Algorithms, Cipher, Digest, FailInfo

BOTH = pytest.mark.parametrize("profile", [COMPAT, NDES], ids=lambda each: each.name)


def refusal(reply):
    assert isinstance(reply, Failure)
    assert reply.text
    return reply.fail_info


def tampered_signature(client):
    data = client.pkcs_req()
    return data[:-1] + bytes([data[-1] ^ 1])


def tampered_content(client):
    data = client.pkcs_req()
    content = pkimessage.parse_message(data).signed.content
    return data.replace(content, content[:-1] + bytes([content[-1] ^ 1]))


def for_somebody_else(client):
    return client.pkcs_req(recipient=client.identity.certificate)


def no_csr_inside(client):
    empty = csr.Csr(b"\x30\x00", b"", b"", None, (), None)
    return client.seal(PkcsReq(empty))


def csr_with_broken_signature(client):
    der = client.csr().der
    return client.seal(PkcsReq(csr.slice_csr(der[:-1] + bytes([der[-1] ^ 1]))))


def csr_of_another_key(client):
    other = csr.build_csr(
        subject=client.subject, key=client.authority.ca.identity.key, challenge_password=None, extensions=()
    )
    return client.seal(PkcsReq(other))


def csr_with_an_ec_key(client):
    return client.seal(PkcsReq(client.csr(key=ec.generate_private_key(ec.SECP256R1()))))


def csr_too_large(client):
    padding = Extension("1.3.6.1.4.1.55555.1", False, bytes(policy.MAX_CSR_BYTES))
    return client.seal(PkcsReq(client.csr(extensions=[padding])))


def csr_with_unreadable_names(client):
    unreadable = Extension(certificates.SUBJECT_ALT_NAME, False, b"\x05\x00")
    return client.seal(PkcsReq(client.csr(extensions=[unreadable])))


def csr_with_a_subject_that_is_no_name(client):
    client.subject = asn1.sequence_of(asn1.NULL)
    return client.seal(PkcsReq(client.csr()))


def get_cert(serial_number, client):
    return client.seal(GetCert(client.authority.ca.certificate.subject, serial_number))


def unknown_message_type(client):
    return pkimessage.build(
        18,
        client.transaction_id,
        [(pkimessage.SENDER_NONCE, bytes(16))],
        [],
        b"anything",
        client.identity,
        Digest.SHA256,
        [client.identity.certificate],
    )


REFUSED = [
    (tampered_signature, FailInfo.BAD_MESSAGE_CHECK),
    (tampered_content, FailInfo.BAD_MESSAGE_CHECK),
    (for_somebody_else, FailInfo.BAD_MESSAGE_CHECK),
    (no_csr_inside, FailInfo.BAD_MESSAGE_CHECK),  # as if it had not opened, see scep_core.codec
    (lambda client: client.pkcs_req(algorithms=Algorithms(Digest.MD5)), FailInfo.BAD_ALG),
    (lambda client: client.pkcs_req(algorithms=Algorithms(cipher=Cipher.DES)), FailInfo.BAD_ALG),
    (lambda client: client.seal(PkcsReq(client.csr(digest=Digest.MD5))), FailInfo.BAD_ALG),
    (csr_with_broken_signature, FailInfo.BAD_REQUEST),
    (csr_of_another_key, FailInfo.BAD_REQUEST),
    (csr_too_large, FailInfo.BAD_REQUEST),
    (csr_with_unreadable_names, FailInfo.BAD_REQUEST),
    (csr_with_a_subject_that_is_no_name, FailInfo.BAD_REQUEST),
    (unknown_message_type, FailInfo.BAD_REQUEST),
    (lambda client: client.seal(RenewalReq(client.csr())), FailInfo.BAD_CERT_ID),
    (lambda client: client.poll(), FailInfo.BAD_CERT_ID),
    *((partial(get_cert, number), FailInfo.BAD_CERT_ID) for number in (99, 0, -1, 2**63, 2**160, -(2**300))),
    (lambda client: client.seal(GetCert(client.subject, 1)), FailInfo.BAD_CERT_ID),
]


@BOTH
@pytest.mark.parametrize(("make", "fail_info"), REFUSED)
def test_refused(automatic, client, profile, make, fail_info):
    data = make(client)
    answer = automatic.handle(data, profile)
    reply = pkimessage.parse_message(answer.body)
    assert answer.unexpected is None
    assert (reply.pki_status, reply.fail_info) == (2, fail_info), reply.fail_info_text
    assert reply.fail_info_text
    assert reply.transaction_id == client.transaction_id
    assert automatic.requests == []


def submission(client, wanted):
    return Submission(
        csr=wanted,
        signer=client.identity.certificate,
        signer_kind="self-signed",
        own_signer=True,
        transaction_id="T",
        sender_nonce=b"",
        message_type=19,
        profile="compat",
        source="192.0.2.1",
        authority=1,
    )


@pytest.mark.parametrize(("bits", "good"), [(1023, False), (1024, True), (8192, True), (8193, False)])
def test_the_sizes_of_rsa_keys(client, bits, good):
    key = rsa.RSAPublicNumbers(65537, (1 << bits - 1) | 1).public_key()  # nobody's, and made at once
    wanted = replace(client.csr(), public_key_info=csr.public_key_info(key))
    refused = policy.never_issued(submission(client, wanted), policy.Policy())
    assert (refused is None) is good
    assert good or f"{bits} bits; 1024 to 8192" in refused.text


def test_the_size_of_a_request(client):
    def of_size(size):
        padding = [Extension("1.3.6.1.4.1.55555.1", False, bytes(15_000))]
        short = size - len(client.csr(extensions=padding).der)
        padding = [Extension("1.3.6.1.4.1.55555.1", False, bytes(15_000 + short))]
        return submission(client, client.csr(extensions=padding))

    largest, larger = of_size(16 * 1024), of_size(16 * 1024 + 1)
    assert [len(each.csr.der) for each in (largest, larger)] == [16_384, 16_385]
    assert policy.never_issued(largest, policy.Policy()) is None
    assert policy.never_issued(larger, policy.Policy()).text.endswith("larger than 16384 bytes")


def test_an_ec_key_is_bad_alg_as_soon_as_the_signers_key_allows_to_say_so(automatic, client):
    # The request's key differs from the signer's, who then learns only that the inside was opened and no.
    data = csr_with_an_ec_key(client)
    assert refusal(automatic.send(client, data)) is FailInfo.BAD_ALG


def test_a_transaction_id_is_not_too_long(automatic, client):
    too_long = "x" * (policy.MAX_TRANSACTION_ID + 1)
    reply = automatic.send(client, client.pkcs_req(transaction_id=too_long), transaction_id=too_long)
    assert refusal(reply) is FailInfo.BAD_REQUEST
    assert automatic.requests == []


def test_a_transaction_id_that_cannot_be_printed_is_none(automatic, client):
    with pytest.raises(NotAPkiMessage):
        automatic.send(client, client.pkcs_req(transaction_id="line\nend"))


@pytest.mark.parametrize("transaction_id", ["SSCEP transactionId", "5bH/x+=", "ünïcode", "x" * 255])
def test_any_other_transaction_id_is_good(automatic, client, transaction_id):
    data = client.pkcs_req(transaction_id=transaction_id)
    assert isinstance(automatic.send(client, data, transaction_id=transaction_id), Success)


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x30\x00", b"\x30\x80" * 5000, bytes(1000)])
def test_garbage_has_no_transaction_to_answer_in(lab, data):
    with pytest.raises(NotAPkiMessage):
        lab.handle(data)


def test_a_bug_of_ours_is_a_scep_answer_and_a_traceback(lab, client, monkeypatch):
    def broken(*_):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(lab.store, "write", broken)
    answer = lab.handle(client.pkcs_req())
    assert isinstance(answer.unexpected, RuntimeError)
    reply = client.open(answer.body)
    assert refusal(reply) is FailInfo.BAD_REQUEST
    assert "fire" not in reply.text
