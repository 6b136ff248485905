"""The CA's faults, each on the wire and in what the CA keeps."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from cryptography import x509
from waitress.channel import ClientDisconnected

from ca_server.domain.policy import Decide
from ca_server.domain.requests import State
from ca_server.faults import CATALOGUE
from scep_core import certificates, cms, codec, http
from scep_core.certificates import verify_issued_by
from scep_core.codec import parse_message
from scep_core.envelopes import addressed, parse_envelope
from scep_core.errors import PeerError
from scep_core.messages import GetCrl, Pending, Success
from scep_core.values import LEGACY, Cipher, FailInfo
from sceplab.clock import LabClock
from sceplab.fault_http import HTTP_FAULTS
from sceplab.faults import FaultBox
from sceplab.journal import Journal, Wanted

REFUSALS = {f"fail-{each.rfc_name}": each for each in FailInfo}


class Wire:
    """A CA that grants at once and one client, over HTTP without a socket."""

    def __init__(self, make_lab, client):
        self.faults, self.journal = FaultBox(CATALOGUE), Journal("ca", LabClock())
        self.lab = make_lab(decide=Decide.AUTOMATIC, faults=self.faults, journal=self.journal)
        self.authority, self.client = self.lab.authority, client
        self.http = self.lab.apps.scep.test_client()

    def post(self, data=None, path="/scep"):
        """A PKIOperation; a PKCSReq if nothing else is given."""
        return self.http.post(f"{path}?operation=PKIOperation", data=data or self.client.pkcs_req())

    def get(self, operation, path="/scep"):
        return self.http.get(f"{path}?operation={operation}")

    @property
    def last(self):
        return self.journal.find(Wanted(), 1)[0]


@pytest.fixture
def wire(make_lab, client):
    return Wire(make_lab, client)


def test_nothing_is_wrong_until_a_fault_is_on(wire):
    answer = wire.post()
    assert "X-Lab-Fault" not in answer.headers
    assert isinstance(wire.client.open(answer.data), Success)
    assert "fault" not in wire.last.details
    assert wire.faults.rules() == []


# ------------------------------------------------------------------------ what spoils a CertRep


def bad_signature(wire, _data, message):
    (signer,) = message.signed.certificates
    assert signer == wire.authority.ca.certificate
    with pytest.raises(PeerError, match="signature"):
        cms.verify(message.signed, signer)


def wrong_nonce(wire, _data, message):
    assert len(message.recipient_nonce) == 16
    assert message.recipient_nonce != wire.client.sent_nonce
    assert message.transaction_id == wire.client.transaction_id


def wrong_transaction_id(wire, _data, message):
    assert message.transaction_id != wire.client.transaction_id
    assert len(message.transaction_id) == len(wire.client.transaction_id)
    assert message.recipient_nonce == wire.client.sent_nonce


def wrong_recipient(wire, _data, message):
    envelope = parse_envelope(message.signed.content)
    with pytest.raises(PeerError):
        addressed(envelope, [wire.client.identity])
    assert addressed(envelope, [wire.authority.ra_encryption])


def expired_ra(wire, _data, message):
    (ra,) = message.signed.certificates
    assert ra.not_before < ra.not_after < wire.authority.ca.certificate.not_before <= wire.lab.clock.now()
    assert ra.subject == wire.authority.ra_signing.certificate.subject
    verify_issued_by(ra, wire.authority.ca.certificate)
    cms.verify(message.signed, ra)


def des_only(wire, data, message):
    assert parse_envelope(message.signed.content).cipher is Cipher.DES
    opened = codec.open_reply(
        data,
        transaction_id=wire.client.transaction_id,
        sender_nonce=wire.client.sent_nonce,
        identity=wire.client.identity,
        trusted=[wire.authority.ca.certificate],
        policy=LEGACY,
        random_bytes=os.urandom,
    )
    assert isinstance(opened, Success)


def pending(wire, data, _message):
    assert wire.client.open(data) == Pending()
    assert wire.last.details["answer"] == "PENDING"


OF_CERT_REPS = {
    "bad-signature": bad_signature,
    "wrong-nonce": wrong_nonce,
    "wrong-transaction-id": wrong_transaction_id,
    "wrong-recipient": wrong_recipient,
    "expired-ra": expired_ra,
    "des-only": des_only,
    "pending": pending,
}


@pytest.mark.parametrize("name", OF_CERT_REPS)
def test_a_certrep_has_this_wrong_and_the_certificate_is_issued(wire, name):
    wire.faults.add(name, count=1)
    answer = wire.post()
    assert (answer.status_code, answer.headers["X-Lab-Fault"]) == (200, name)
    assert wire.last.details["fault"] == name
    assert wire.last.summary.endswith(f" (fault {name})")
    OF_CERT_REPS[name](wire, answer.data, parse_message(answer.data))
    assert wire.lab.only_request.state is State.ISSUED
    again = wire.post()
    assert "X-Lab-Fault" not in again.headers
    (certificate,) = wire.client.open(again.data).certificates
    assert certificate.serial_number == wire.lab.only_request.serial_number


@pytest.mark.parametrize("name", ["bad-signature", "wrong-nonce", "wrong-transaction-id", "expired-ra"])
def test_a_refusal_is_spoilt_too(wire, name):
    wire.faults.add(name, count=1)
    answer = wire.post(wire.client.poll())
    assert answer.headers["X-Lab-Fault"] == name
    assert parse_message(answer.data).fail_info == FailInfo.BAD_CERT_ID
    OF_CERT_REPS[name](wire, answer.data, parse_message(answer.data))


@pytest.mark.parametrize("name", ["wrong-recipient", "des-only", "pending"])
def test_what_has_no_envelope_waits_for_one_that_has(wire, name):
    wire.faults.add(name, count=1)
    assert "X-Lab-Fault" not in wire.post(wire.client.poll()).headers
    assert wire.post().headers["X-Lab-Fault"] == name


def test_a_crl_is_never_pending(wire):
    wire.faults.add("pending", count=1)
    ca = wire.authority.ca.certificate
    answer = wire.post(wire.client.seal(GetCrl(ca.subject, ca.serial_number)))
    assert wire.client.open(answer.data).crls
    assert len(wire.faults.rules()) == 1


def test_pending_for_so_many_polls(wire):
    wire.faults.add("pending", count=3)
    assert [wire.client.open(wire.post().data) for _ in range(3)] == [Pending()] * 3
    assert isinstance(wire.client.open(wire.post(wire.client.poll()).data), Success)


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("path", ["/scep", "/certsrv/mscep/mscep.dll"])
def test_a_message_fails_as_told_and_nothing_is_kept(wire, path, name):
    wire.faults.add(name, count=1)
    answer = wire.post(path=path)
    assert answer.headers["X-Lab-Fault"] == name
    reply = wire.client.open(answer.data)
    assert (reply.fail_info, reply.text) == (REFUSALS[name], "a fault of this lab")
    assert wire.last.details["fault"] == name
    assert wire.lab.requests == []


def test_garbage_meets_no_fault_of_a_message(wire):
    wire.faults.add("fail-badAlg", count=1)
    assert wire.post(b"garbage").status_code == 400
    assert len(wire.faults.rules()) == 1


# ------------------------------------------------------------------------ what spoils other answers


def empty_capabilities(wire):
    answer = wire.get("GetCACaps")
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"", http.TYPE_CAPS)
    return answer


def changed_certificate(wire):
    answer = wire.get("GetCACert")
    changed, true = x509.load_der_x509_certificate(answer.data), wire.authority.ca.certificate
    assert answer.content_type == http.TYPE_CA_CERT
    assert changed.subject.public_bytes() == true.subject
    assert changed.public_key() != true.public_key()
    changed.verify_directly_issued_by(changed)
    return answer


def iis_query_limit(wire):
    query = http.pki_operation_query(wire.client.pkcs_req())
    assert len(query) > 2048
    answer = wire.http.get(f"/certsrv/mscep/mscep.dll?{query}")
    assert (answer.status_code, answer.content_type) == (404, "text/html")
    return answer


OF_OTHERS = {
    "empty-capabilities": empty_capabilities,
    "changed-certificate": changed_certificate,
    "iis-query-limit": iis_query_limit,
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_another_answer_has_this_wrong(wire, name):
    """And what cannot show it does not use it up."""
    wire.faults.add(name, count=1)
    assert isinstance(wire.client.open(wire.post().data), Success)
    assert OF_OTHERS[name](wire).headers["X-Lab-Fault"] == name
    assert wire.last.details["fault"] == name
    assert wire.faults.rules() == []


def test_a_ca_that_has_changed_has_certified_its_ras(wire):
    wire.faults.add("changed-certificate", count=1)
    answer = wire.get("GetCACert", "/certsrv/mscep/mscep.dll")
    told, true = cms.read_degenerate(answer.data)[0], wire.authority.certificates(ra_mode=True)
    for changed, same in zip(told, true, strict=True):
        assert changed.subject == same.subject
        assert changed.der != same.der
        verify_issued_by(changed, told[-1])
        assert changed.extension(certificates.KEY_USAGE) == same.extension(certificates.KEY_USAGE)
    with pytest.raises(ValueError, match="signature"):
        verify_issued_by(told[0], true[-1])


def test_a_short_query_is_below_iis_limit(wire):
    wire.faults.add("iis-query-limit", count=1)
    assert wire.get("GetCACert").status_code == 200
    assert wire.post().status_code == 200
    assert len(wire.faults.rules()) == 1


# ------------------------------------------------------------------------------------ faults of HTTP

# Whether the request was handled.  What goes over the wire is in tests/sceplab/test_fault_http.py.
OF_HTTP = {
    "http-error": False,
    "reset": False,
    "lost-answer": True,
    "delay": True,
    "drip": True,
    "truncated": True,
    "wrong-content-type": True,
}


@pytest.mark.parametrize("name", OF_HTTP)
def test_a_fault_of_http_leaves_the_ca_as_its_sentence_says(wire, name):
    wire.faults.add(name, count=1)
    connected = {"waitress.client_disconnected": Gone().method}
    try:
        answer = wire.http.post("/scep", data=wire.client.pkcs_req(), environ_overrides=connected)
    except ClientDisconnected:
        pass
    else:
        assert answer.headers["X-Lab-Fault"] == name
    assert wire.last.details["fault"] == name
    assert [each.state for each in wire.lab.requests] == [State.ISSUED] * OF_HTTP[name]


class Gone:
    """A connection that has ended meanwhile."""

    socket = None

    def method(self):
        raise AssertionError


@pytest.mark.parametrize("path", ["/crl/ca.crl", "/certsrv/mscep_admin/"])
def test_crls_and_ndes_page_meet_them_too(wire, path):
    wire.faults.add("http-error", count=1, value=500)
    assert wire.http.get(path).status_code == 500
    assert wire.http.get(path).status_code != 500


@pytest.mark.parametrize("path", ["/", "/ca/index.json", "/ca/issued.json", "/ca/ca-1.cer"])
def test_what_the_lab_itself_asks_meets_none(wire, path):
    wire.faults.add("http-error")
    assert wire.http.get(path).status_code == 200


def test_who_has_met_a_fault_of_http_meets_no_other(wire):
    wire.faults.add("wrong-content-type", count=1)
    wire.faults.add("bad-signature", count=1)
    answer = wire.post()
    assert answer.headers["X-Lab-Fault"] == "wrong-content-type"
    assert isinstance(wire.client.open(answer.data), Success)
    assert wire.post().headers["X-Lab-Fault"] == "bad-signature"


def test_every_fault_that_there_is_stands_in_a_table_above():
    assert set(OF_HTTP) == {each.name for each in HTTP_FAULTS}
    assert {*OF_CERT_REPS, *REFUSALS, *OF_OTHERS, *OF_HTTP} == {each.name for each in CATALOGUE}


def test_an_ra_that_has_ended_has_ended_years_later_too(wire):
    wire.lab.clock.advance(timedelta(days=365))
    wire.faults.add("expired-ra", count=2)
    ended = [parse_message(wire.post().data).signed.certificates for _ in range(2)]
    assert ended[0] == ended[1]
    assert ended[0][0].not_after < wire.lab.clock.now()
