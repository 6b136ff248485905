"""What a client must not believe: strict with CertRep."""

from __future__ import annotations

from typing import Any

import pytest

from scep_core import asn1, cms, envelopes, pkimessage
from scep_core.codec import ReplyShape
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.messages import Failure, Pending, Success
from scep_core.values import (
    Algorithms,
    FailInfo,
)


def disbelieved(lab: Any, data: bytes, why: str, **changes: Any) -> None:
    with pytest.raises(PeerError, match=why):
        lab.open_reply(data, **changes)


@pytest.mark.parametrize("reply", [Pending(), Failure(FailInfo.BAD_REQUEST), Success], ids=str)
def test_who_may_sign_a_reply(lab: Any, reply: Any) -> None:
    reply = Success((lab.ra.certificate,)) if reply is Success else reply
    colleague = lab.identity("colleague", issuer=lab.ca, serial_number=77)
    namesake = lab.identity("stranger", subject=lab.ra.certificate.subject)
    same_id = lab.identity("planted", issuer=lab.stranger, subject=lab.ra.certificate.subject)
    for signer in (lab.stranger, colleague, namesake, same_id, lab.client):
        disbelieved(lab, lab.reply(reply, signer=signer), "stranger")
        stripped = lab.reply(reply, signer=signer, shape=ReplyShape.NDES)
        disbelieved(lab, stripped, "stranger|missing")
    assert lab.open_reply(lab.reply(reply, signer=lab.ca)) == reply


def test_a_planted_certificate_with_the_ra_s_name_and_serial(lab: Any) -> None:
    forger = lab.identity("forger", subject=lab.ca.certificate.subject)
    planted = lab.identity("forger", issuer=forger, serial_number=8, subject=lab.ra.certificate.subject)
    assert cms.issuer_and_serial(planted.certificate) == cms.issuer_and_serial(lab.ra.certificate)
    disbelieved(lab, lab.reply(Pending(), signer=planted), "stranger")
    disbelieved(
        lab, lab.reply(Failure(FailInfo.BAD_ALG), signer=planted, shape=ReplyShape.NDES), "does not match"
    )


def test_another_transaction_or_nonce(lab: Any, make_attribute: Any) -> None:
    data = lab.reply(Pending())
    disbelieved(lab, data, "another transaction", transaction_id="another")
    disbelieved(lab, data, "echo", sender_nonce=bytes(16))
    status = make_attribute(pkimessage.PKI_STATUS, asn1.printable_string("3"))
    for nonces in ([], [make_attribute(pkimessage.RECIPIENT_NONCE, asn1.octet_string(b""))]):
        bare = lab.signed(b"", signer=lab.ra, message_type="3", more=[status, *nonces])
        disbelieved(lab, bare, "echo")


def test_a_request_is_no_reply(lab: Any) -> None:
    disbelieved(lab, lab.request(signer=lab.ra), "type 19 is not a reply")


@pytest.mark.parametrize("status", ["1", "4", "", "03 ", "three", None])
def test_unknown_statuses(lab: Any, make_attribute: Any, status: str | None) -> None:
    more = [make_attribute(pkimessage.RECIPIENT_NONCE, asn1.octet_string(lab.nonce))]
    if status is not None:
        more.append(make_attribute(pkimessage.PKI_STATUS, asn1.printable_string(status)))
    disbelieved(lab, lab.signed(b"", signer=lab.ra, message_type="3", more=more), "pkiStatus")


@pytest.mark.parametrize("number", ["7", "12", "-1", "x", None])
def test_a_refusal_with_an_unknown_reason_is_a_refusal(
    lab: Any, make_attribute: Any, number: str | None
) -> None:
    more = [
        make_attribute(pkimessage.RECIPIENT_NONCE, asn1.octet_string(lab.nonce)),
        make_attribute(pkimessage.PKI_STATUS, asn1.printable_string("2")),
    ]
    if number is not None:
        more.append(make_attribute(pkimessage.FAIL_INFO, asn1.printable_string(number)))
    data = lab.signed(None, signer=lab.ra, message_type="3", more=more)
    assert lab.open_reply(data) == Failure(FailInfo.BAD_REQUEST)


def test_success_that_is_none(lab: Any) -> None:
    disbelieved(lab, lab.reply(Success()), "nothing in it")
    for_another = lab.open(lab.request(signer=lab.stranger))
    data = lab.reply(Success((lab.ra.certificate,)), for_another)
    disbelieved(lab, data, envelopes.CANNOT_OPEN)
    request = lab.open(lab.request())
    inside = envelopes.seal_envelope(b"no bag", lab.client.certificate, Algorithms(), lab.random_bytes)
    sealed = lab.reply(Success((lab.ra.certificate,)), request)
    content = cms.parse_signed(sealed).content or b""
    status = [
        asn1.sequence_of(asn1.oid(oid), asn1.set_of([value]))
        for oid, value in (
            (pkimessage.PKI_STATUS, asn1.printable_string("0")),
            (pkimessage.RECIPIENT_NONCE, asn1.octet_string(lab.nonce)),
        )
    ]
    for broken in (inside, content[:-1], b"", None):
        data = lab.signed(broken, signer=lab.ra, message_type="3", more=status)
        disbelieved(lab, data, envelopes.CANNOT_OPEN)
    assert lab.open_reply(lab.signed(content, signer=lab.ra, message_type="3", more=status))


def test_a_changed_reply(lab: Any) -> None:
    data = lab.reply(Pending())
    disbelieved(lab, data[:-1] + bytes([data[-1] ^ 1]), "signature")
    with pytest.raises(NotAPkiMessage):
        lab.open_reply(b"<html>502 Bad Gateway</html>")
