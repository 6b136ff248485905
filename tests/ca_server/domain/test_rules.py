"""A profile's rules: which request each is about, and what becomes of it."""

from ipaddress import ip_network

import pytest

from ca_server.domain.policy import Decide, Issue, Queue, Rule, _glob
from scep_core import names
from scep_core.messages import Failure, Pending, Success
from scep_core.values import FailInfo
from tests.ca_server.enrolment_stage import NO, ask_for, dns, subject_of


def test_rules_in_their_order(make_lab, make_client):
    lab = make_lab(
        rules=(
            Rule(NO, name="bad*"),
            Rule(Issue(), name="*.LAB", source=ip_network("192.0.2.0/24")),
            Rule(NO, key_bits_below=1025),
        )
    )
    cases = (("bad.lab", "192.0.2.1", Failure), ("r1.lab", "192.0.2.1", Success))
    cases += (
        ("r1.lab", "198.51.100.1", Failure),
        ("r1.lab", "2001:db8::1", Failure),
        ("r1.lab", "?", Failure),
    )
    for number, (name, source, expected) in enumerate(cases):
        client = make_client(0, name)
        message = client.pkcs_req(transaction_id=str(number))
        reply = lab.send(client, message, source=source, transaction_id=str(number))
        assert isinstance(reply, expected), (name, source)
    larger = make_lab(rules=(Rule(NO, key_bits_above=1023), Rule(Issue())))
    assert larger.send(client, client.pkcs_req()) == Failure(FailInfo.BAD_REQUEST, "not here")


@pytest.mark.parametrize(
    ("subject", "alternative", "issued", "refused"),
    [
        (subject_of("r1.lab"), (), True, True),
        (subject_of("r1.lab"), ("r2.lab",), True, True),
        (subject_of("r1.lab"), ("bank.example",), False, True),
        (subject_of("bank.example"), ("r1.lab",), False, True),
        (subject_of("r1.lab", "bank.example"), (), False, True),
        (subject_of("bank.example"), (), False, False),
        (subject_of("x.lab", kind=names.ORGANIZATIONAL_UNIT), (), False, False),  # no name of the holder
    ],
)
def test_a_rule_that_issues_wants_all_names_and_another_one(
    make_lab, make_client, subject, alternative, issued, refused
):
    client = make_client(subject=subject)
    message = ask_for(client, *([dns(*alternative)] if alternative else []))
    assert isinstance(make_lab(rules=(Rule(NO, name="*.lab"),)).send(client, message), Failure) is refused
    reply = make_lab(rules=(Rule(Issue(), name="*.lab"),)).send(client, message)
    assert isinstance(reply, Success) is issued


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("CN=*.lab", "CN=r1.lab", True),
        ("cn=*.LAB,o=x", "CN=r1.lab,O=x", True),
        ("CN=*.lab", "CN=r1.lab,O=x", False),
        ("CN=*.lab", "CN=bank,OU=x.lab", False),
        ("CN=*.lab", "CN=bank\\,OU=x.lab", False),
        ("CN=*", "CN=r1+OU=x", False),
        ("CN=r?.lab", "CN=r1.lab", True),
        ("CN=r?.lab", "CN=r12.lab", False),
        ("CN=r1.lab", "CN=r1xlab", False),
    ],
)
def test_a_pattern_for_the_subject_reaches_over_no_separator(pattern, text, matches):
    assert _glob(pattern, within=True)(text) is matches


def test_a_rule_may_queue_what_would_be_issued(make_lab, make_client):
    lab = make_lab(decide=Decide.AUTOMATIC, rules=(Rule(Queue(), subject="CN=odd.lab"),))
    odd, even = make_client(0, "odd.lab"), make_client(1, "even.lab")
    assert lab.send(odd, odd.pkcs_req()) == Pending()
    assert isinstance(lab.send(even, even.pkcs_req()), Success)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(NO, key_bits_below=1024), False),
        (Rule(NO, key_bits_below=1025), True),
        (Rule(NO, key_bits_above=1024), False),
        (Rule(NO, key_bits_above=1023), True),
    ],
)
def test_the_size_that_a_rule_names_is_on_neither_side_of_it(make_lab, client, rule, matches):
    assert isinstance(make_lab(rules=(rule,)).send(client, client.pkcs_req()), Failure) is matches


@pytest.mark.parametrize(
    ("alternative", "issued"),
    [((), True), (("r1.lab",), True), (("bank.example",), False), (("r1.lab", "bank.example"), False)],
)
def test_a_rule_that_issues_by_the_subject_alone_lets_no_other_name_pass(
    make_lab, client, alternative, issued
):
    message = ask_for(client, *([dns(*alternative)] if alternative else []))
    reply = make_lab(rules=(Rule(Issue(), subject="CN=*.lab"),)).send(client, message)
    assert isinstance(reply, Success) is issued


def test_another_rule_by_the_subject_is_about_every_request_with_it(make_lab, client):
    lab = make_lab(decide=Decide.AUTOMATIC, rules=(Rule(NO, subject="CN=*.lab"),))
    assert isinstance(lab.send(client, ask_for(client, dns("bank.example"))), Failure)
