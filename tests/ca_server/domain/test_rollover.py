"""The next CA: announced, asked, current at its time."""

from datetime import timedelta

import pytest

from ca_server.app import ManagedCa
from ca_server.domain.ledger import AuditFilter, Slice, StoreBusy, What
from ca_server.domain.policy import Decide
from ca_server.domain.profiles import NDES, RFC8894
from ca_server.domain.rollover import RolloverRefused
from scep_core import certificates, http
from scep_core.messages import Failure, GetCert, GetCrl, Pending, RenewalReq, Success
from scep_core.next_ca import open_next_ca
from scep_core.values import FailInfo
from sceplab.management import Timer
from tests.ca_server.enrolment_stage import ask_for, enrol, renewal

WEEK = timedelta(days=7)


def roll(lab, after=WEEK):
    now = lab.clock.now()
    return lab.desks.ca.rollover(active_from=now + after, by="operator", now=now)


def get(lab, operation, path="/scep"):
    return lab.apps.scep.test_client().get(f"{path}?operation={operation}")


def test_the_story(lab, client, make_client):
    first = lab.authority
    assert "GetNextCACert" not in get(lab, "GetCACaps").text
    assert get(lab, "GetNextCACert").status_code == 404
    second = roll(lab)
    # Announced, and signed for by the CA of now; what is served otherwise stays.
    assert get(lab, "GetCACaps").text.splitlines()[-1] == "GetNextCACert"
    answer = get(lab, "GetNextCACert")
    assert answer.content_type == http.TYPE_NEXT_CA_CERT
    assert open_next_ca(answer.data, first.ca.certificate) == second.certificates(ra_mode=False)
    assert get(lab, "GetCACert").data == first.ca.certificate.der
    # A request that is enveloped for it is signed by it.
    client.authority = second
    client_message = client.pkcs_req(recipient=second.ca.certificate)
    assert lab.send(client, client_message) == Pending()
    lab.approve(1)
    [issued] = lab.send(client, client.poll()).certificates
    certificates.verify_issued_by(issued, second.ca.certificate)
    assert lab.certificates[0].issuer == "ca-2"
    assert lab.send(client, client.seal(GetCert(issued.issuer, issued.serial_number))) == Success((issued,))
    # At its time it is current, nothing is announced any more, and the first still answers its own.
    lab.clock.advance(WEEK)
    assert get(lab, "GetCACert").data == second.ca.certificate.der
    assert "GetNextCACert" not in get(lab, "GetCACaps").text
    assert get(lab, "GetNextCACert").status_code == 404
    late = make_client(1)
    assert lab.send(late, late.pkcs_req()) == Pending()
    lab.approve(2)
    [from_the_first] = lab.send(late, late.poll()).certificates
    certificates.verify_issued_by(from_the_first, first.ca.certificate)
    reply = lab.send(late, late.seal(GetCrl(first.ca.certificate.subject, 1)))
    assert reply.crls == (lab.desks.revocation.crl("ca-1", lab.clock.now()),)


def test_a_renewal_reaches_over_the_rollover(automatic, client):
    old = automatic.send(client, client.pkcs_req()).certificates[0]
    second = roll(automatic)
    client.identity = type(client.identity)(old, client.key)
    client.authority = second
    [new] = automatic.send(client, client.pkcs_req(recipient=second.ca.certificate)).certificates
    certificates.verify_issued_by(new, second.ca.certificate)
    assert automatic.requests[-1].renews == old.serial_number


def test_what_was_renewed_once_is_renewed_by_the_next_ca_too(automatic, client):
    """The first answer may have been lost."""
    enrol(automatic, client)
    assert isinstance(automatic.send(client, renewal(client)), Success)
    second = roll(automatic)
    client.authority = second
    message = ask_for(client, kind=RenewalReq, recipient=second.ca.certificate)
    [new] = automatic.send(client, message).certificates
    certificates.verify_issued_by(new, second.ca.certificate)


@pytest.mark.parametrize("approved", [True, False], ids=["issued", "pending"])
def test_who_goes_over_to_the_next_ca_with_the_same_key_asks_anew(lab, client, approved):
    """A router's transaction ID is its key's, so it comes back in the transaction of the first request."""
    lab.send(client, client.pkcs_req())
    if approved:
        lab.approve(1)
    second = roll(lab)
    client.authority = second
    message = client.pkcs_req(recipient=second.ca.certificate)
    assert lab.send(client, message) == Pending()
    assert [each.authority for each in lab.requests] == [1, 2]
    lab.approve(2)
    [issued] = lab.send(client, client.poll()).certificates
    certificates.verify_issued_by(issued, second.ca.certificate)


def test_a_process_that_does_not_know_the_generation_yet_refuses_nobody(make_lab, client):
    """Another machine has made it; a FAILURE would end the client's enrolment."""
    policy = {"decide": Decide.AFTER_POLLS, "polls": 1}
    knows, not_yet = make_lab(**policy), make_lab(**policy)
    client.authority = roll(knows)
    knows.send(client, client.pkcs_req(recipient=client.authority.ca.certificate))
    with pytest.raises(StoreBusy):
        not_yet.handle(client.poll(recipient=not_yet.authority.ra_encryption.certificate))
    with pytest.raises(StoreBusy):
        not_yet.approve(1)
    assert isinstance(knows.send(client, client.poll()), Success)


def test_unique_subjects_are_each_cas_own(automatic, client):
    assert isinstance(automatic.send(client, client.pkcs_req(), RFC8894), Success)
    second = roll(automatic)
    client.authority = second
    message = client.pkcs_req(recipient=second.ca.certificate, transaction_id="2")
    assert isinstance(automatic.send(client, message, RFC8894, transaction_id="2"), Success)
    message = client.pkcs_req(recipient=second.ca.certificate, transaction_id="3")
    assert isinstance(automatic.send(client, message, RFC8894, transaction_id="3"), Failure)


def test_the_clock_is_told_when_the_next_ca_becomes_current(lab):
    managed = ManagedCa(lab.store, lab.keeper.succession, lab.clock)
    assert managed.timers() == ((), 0)
    second = roll(lab)
    assert managed.timers() == ((Timer(second.active_from, "ca", "rollover to ca-2"),), 0)
    assert managed.run_timers(0) == []
    lab.clock.advance(WEEK)
    assert managed.timers() == ((), 1)
    [fired] = managed.run_timers(0)
    assert (fired.sequence, fired.at, fired.outcome) == (1, second.active_from, "ca-2 is current")
    assert managed.run_timers(1) == []


def test_ndes_tells_of_no_next_ca(lab):
    roll(lab)
    path = "/certsrv/mscep/mscep.dll"
    assert get(lab, "GetCACaps", path).text.split() == list(NDES.capabilities)
    assert get(lab, "GetNextCACert", path).status_code == 404


def test_what_is_refused(lab):
    now = lab.clock.now()
    end = lab.authority.ca.certificate.not_after
    for after in (timedelta(), -WEEK, end - now):
        with pytest.raises(RolloverRefused):
            roll(lab, after)
    roll(lab)
    with pytest.raises(RolloverRefused, match="already"):
        roll(lab)
    lab.clock.advance(WEEK)
    [entry] = lab.store.audit(AuditFilter(what=What.ROLLOVER), Slice())
    assert (entry.by, entry.at) == ("operator", now)
    assert "ca-2" in entry.text


def test_a_ca_that_has_ended_says_so(automatic, client):
    automatic.clock.instant = automatic.authority.ca.certificate.not_after
    reply = automatic.send(client, client.pkcs_req())
    assert (reply.fail_info, "ended" in reply.text) == (FailInfo.BAD_REQUEST, True)
    assert automatic.requests == []


def test_a_lab_whose_ca_has_ended_goes_on_with_the_next(lab, client):
    lab.clock.instant = lab.authority.ca.certificate.not_after
    assert isinstance(lab.send(client, client.pkcs_req()), Failure)  # and does not wait for a vain approval
    second = roll(lab, timedelta(seconds=1))
    lab.clock.advance(timedelta(seconds=1))
    client.authority = second
    assert lab.send(client, client.pkcs_req(recipient=second.ca.certificate)) == Pending()
    lab.approve(1)
