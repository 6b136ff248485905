"""Who comes back: resynchronisation (RFC 8894 section 5.2), repetitions, replays; and one subject twice."""

import threading
from datetime import timedelta

import pytest

from ca_server.domain.approval import SubjectTaken
from ca_server.domain.policy import Decide, Renewals
from ca_server.domain.profiles import COMPAT, NDES, RFC8894
from ca_server.domain.requests import State
from ca_server.domain.revocation import Reason
from scep_core import asn1, names
from scep_core.messages import Failure, GetCert, Pending, Success
from scep_core.values import FailInfo
from tests.ca_server.enrolment_stage import ask_for, dns, enrol, renewal, revoke

AT_ONCE = 12
TAKEN = Failure(FailInfo.BAD_REQUEST, str(SubjectTaken()))


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
        message = ask_for(client, dns(f"r{number}.lab"))
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


# ------------------------------------------------------------------------------------- replays


def test_a_replay_gets_no_second_certificate_after_a_revocation(automatic, client):
    message = client.pkcs_req()
    first = automatic.send(client, message)
    revoke(automatic, first.certificates[0])
    assert automatic.send(client, message) == first
    assert len(automatic.certificates) == 1


def test_a_replayed_renewal_gets_no_second_certificate_either(make_lab, client):
    lab = make_lab(renewals=Renewals.ISSUE)
    enrol(lab, client)
    message = renewal(client)
    first = lab.send(client, message)
    revoke(lab, first.certificates[0])
    assert lab.send(client, message) == first
    assert len(lab.certificates) == 2


@pytest.mark.parametrize("which", [0, 1])
def test_a_message_of_old_does_not_replace_what_waits_now(lab, client, which):
    """Whichever it is of those that its request came in."""
    old = []
    for _ in range(2):
        old.append((client.pkcs_req(), client.sent_nonce))
        assert lab.send(client, old[-1][0]) == Pending()
    assert lab.send(client, ask_for(client, dns("corrected.lab"))) == Pending()
    message, client.sent_nonce = old[which]
    assert "replaced" in lab.send(client, message).text
    assert [each.state for each in lab.requests] == [State.DENIED, State.PENDING]


def test_the_same_at_another_profile_is_another_request(make_lab, client):
    lab = make_lab(in_profile={"ndes": {"decide": Decide.AUTOMATIC}})
    assert lab.send(client, client.pkcs_req(), COMPAT) == Pending()
    assert isinstance(lab.send(client, client.pkcs_req(), NDES), Success)
    assert [(each.profile, each.state) for each in lab.requests] == [
        ("compat", State.DENIED),
        ("ndes", State.ISSUED),
    ]


def test_a_poll_after_the_ca_has_ended(make_lab, client):
    lab = make_lab(decide=Decide.AFTER_TIME)
    lab.send(client, client.pkcs_req())
    lab.clock.instant = lab.authority.ca.certificate.not_after
    reply = lab.send(client, client.poll())
    assert (reply.fail_info, "ended" in reply.text) == (FailInfo.BAD_REQUEST, True)


# ------------------------------------------------------------------------------ one subject twice


NAME = [[(names.ORGANIZATION, "The Lab")], [(names.COMMON_NAME, "r1.lab"), (names.SERIAL_NUMBER, "7")]]


def changed(change):
    return [[(kind, change(text)) for kind, text in rdn] for rdn in NAME]


def out_of_order():
    """The multi-valued RDN as DER does not have it, and some clients do."""
    first, last = map(asn1.raw, asn1.items(names.build_name(NAME)))
    one, other = map(asn1.raw, asn1.set_items(asn1.items(asn1.sequence_of(last))[0]))
    return asn1.sequence_of(first, asn1.encode(asn1.SET, other, one))


@pytest.mark.parametrize(
    ("subject", "same"),
    [
        (names.build_name(NAME, string_type=asn1.UTF8_STRING), True),
        (names.build_name(changed(str.upper)), True),
        (names.build_name(changed(lambda text: f" {text.replace(' ', '   ')} ")), True),
        (out_of_order(), True),
        (names.build_name(NAME[::-1]), False),
        (names.build_name(NAME[1:]), False),
        (names.build_name(changed(lambda text: text.replace("lab", "lap"))), False),
    ],
    ids=["string type", "case", "spaces", "a set's order", "order", "fewer", "other"],
)
def test_the_same_subject_however_it_is_written(make_lab, make_client, subject, same):
    """RFC 5280 section 7.1."""
    lab = make_lab(decide=Decide.AUTOMATIC, unique_subjects=True)
    first, second = make_client(0, subject=names.build_name(NAME)), make_client(1, subject=subject)
    assert isinstance(lab.send(first, first.pkcs_req()), Success)
    reply = lab.send(second, second.pkcs_req())
    assert reply == TAKEN if same else isinstance(reply, Success)


def test_of_two_that_wait_the_second_gets_nothing(make_lab, make_client):
    lab = make_lab(decide=Decide.AFTER_POLLS, polls=2, unique_subjects=True)
    clients = [make_client(number) for number in range(3)]
    for each in clients:
        assert lab.send(each, each.pkcs_req()) == Pending()
        assert lab.send(each, each.poll()) == Pending()
    assert isinstance(lab.send(clients[0], clients[0].poll()), Success)
    assert lab.send(clients[1], clients[1].poll()) == TAKEN
    with pytest.raises(SubjectTaken):
        lab.approve(3)
    assert [each.state for each in lab.requests] == [State.ISSUED, State.DENIED, State.PENDING]


def test_one_that_is_held_may_be_released_and_counts(make_lab, make_client):
    lab = make_lab(decide=Decide.AUTOMATIC, unique_subjects=True)
    first, second = make_client(0), make_client(1)
    [held] = lab.send(first, first.pkcs_req()).certificates
    revoke(lab, held, Reason.CERTIFICATE_HOLD)
    assert lab.send(second, second.pkcs_req()) == TAKEN
    revoke(lab, held, Reason.SUPERSEDED)
    assert isinstance(lab.send(second, second.pkcs_req()), Success)


def test_of_many_at_the_same_time_one_gets_it(make_lab, make_client):
    """Each with its own key in its own transaction, as over so many processes."""
    clients = [make_client(number) for number in range(AT_ONCE)]
    labs = [make_lab(decide=Decide.AUTOMATIC, unique_subjects=True) for _ in clients]
    barrier = threading.Barrier(AT_ONCE)
    answers = [None] * AT_ONCE

    def run(number, message):
        barrier.wait()
        answers[number] = labs[number].handle(message)

    threads = [
        threading.Thread(target=run, args=(number, each.pkcs_req())) for number, each in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.unexpected for each in answers] == [None] * AT_ONCE
    replies = [each.reply for each in answers]
    assert sorted(map(type, replies), key=str) == [Failure] * (AT_ONCE - 1) + [Success]
    assert replies.count(TAKEN) == AT_ONCE - 1
    assert len(labs[0].certificates) == len(labs[0].requests) == 1
