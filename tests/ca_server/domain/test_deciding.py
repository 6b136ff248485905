"""Who decides: rules, challenge passwords, polls, time, and what each leaves behind."""

from datetime import timedelta
from ipaddress import ip_network

import pytest

from ca_server.domain.challenges import ChallengeRule
from ca_server.domain.ledger import AuditFilter, Slice, What
from ca_server.domain.policy import Decide, Issue, Otherwise, Queue, Refuse, Rule, _glob
from ca_server.domain.profiles import CISCO_LEGACY, COMPAT, NDES, RFC8894
from ca_server.domain.requests import State
from scep_core import certificates, names
from scep_core.messages import Failure, Pending, PkcsReq, Success
from scep_core.pkimessage import parse_message
from scep_core.values import Algorithms, Cipher, Digest, FailInfo

ONE_TIME = {"decide": Decide.CHALLENGE, "challenge": ChallengeRule.ONE_TIME}
NO = Refuse(FailInfo.BAD_REQUEST, "not here")


def ask(client, password=None, **options):
    return client.seal(PkcsReq(client.csr(challenge=password)), **options)


def new_challenge(lab, **options):
    settings = {"device": None, "once": True, "valid_for": timedelta(hours=1)} | options
    return lab.desks.challenges.new(**settings, by="operator", now=lab.clock.now())[1]


def audit(lab, what):
    return lab.store.audit(AuditFilter(what=what), Slice())


# ---------------------------------------------------------------------------- without a password


def test_after_so_many_polls(make_lab, client):
    lab = make_lab(decide=Decide.AFTER_POLLS, polls=3)
    assert lab.send(client, client.pkcs_req()) == Pending()
    assert lab.send(client, client.poll()) == Pending()
    assert lab.send(client, client.pkcs_req()) == Pending()  # a repetition is a poll, too
    assert isinstance(lab.send(client, client.poll()), Success)
    request = lab.only_request
    assert (request.state, request.polls, request.decided_by) == (State.ISSUED, 3, "policy")


def test_after_a_time(make_lab, client):
    lab = make_lab(decide=Decide.AFTER_TIME, after=timedelta(minutes=10))
    assert lab.send(client, client.pkcs_req()) == Pending()
    lab.clock.advance(timedelta(minutes=9, seconds=59))
    assert lab.send(client, client.poll()) == Pending()
    lab.clock.advance(timedelta(seconds=1))
    assert isinstance(lab.send(client, client.poll()), Success)


def test_the_operator_may_be_quicker(make_lab, client):
    lab = make_lab(decide=Decide.AFTER_POLLS, polls=1)
    lab.send(client, client.pkcs_req())
    lab.deny(1, "no")
    assert lab.send(client, client.poll()) == Failure(FailInfo.BAD_REQUEST, "no")


def test_nothing_is_issued(make_lab, client):
    lab = make_lab(decide=Decide.REFUSE)
    assert lab.send(client, client.pkcs_req()).fail_info is FailInfo.BAD_REQUEST
    assert lab.requests == []


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


def subject_of(*texts, kind=names.COMMON_NAME):
    return names.build_name([[(names.ORGANIZATION, "x.lab")], *([(kind, each)] for each in texts)])


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
    extensions = [certificates.ext_subject_alt_name([("DNS", each.encode()) for each in alternative])]
    message = client.seal(PkcsReq(client.csr(extensions=extensions if alternative else ())))
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


# ------------------------------------------------------------------------------- with a password


@pytest.mark.parametrize("decide", list(Decide))
def test_a_right_password_does_not_stand_above_the_profile(make_lab, client, decide):
    lab = make_lab(decide=decide, challenge=ChallengeRule.ONE_TIME)
    reply = lab.send(client, ask(client, new_challenge(lab)))
    issued = {Decide.AUTOMATIC, Decide.CHALLENGE}
    expected = Success if decide in issued else Failure if decide is Decide.REFUSE else Pending
    assert isinstance(reply, expected)


@pytest.mark.parametrize(("profile", "fail_info"), [(COMPAT, 2), (NDES, 1), (RFC8894, 2), (CISCO_LEGACY, 2)])
def test_a_wrong_password_is_refused_in_the_profiles_terms(make_lab, client, profile, fail_info):
    lab = make_lab(**ONE_TIME)
    for password in ("wrong", None):
        reply = lab.send(client, ask(client, password), profile)
        assert (reply.fail_info, reply.hresult) == (fail_info, profile.hresult)
    assert lab.requests == []


def test_without_the_right_password_a_person_is_asked(make_lab, make_client):
    lab = make_lab(otherwise=Otherwise.QUEUE, **ONE_TIME)
    wrong, absent, right = (make_client(number, f"r{number}.lab") for number in range(3))
    assert lab.send(wrong, ask(wrong, "guess")) == Pending()
    assert lab.send(absent, ask(absent)) == Pending()
    assert isinstance(lab.send(right, ask(right, new_challenge(lab))), Success)
    assert [(each.challenge, each.state) for each in lab.requests] == [
        ("wrong", "pending"),
        ("absent", "pending"),
        ("right", "issued"),
    ]


def test_who_comes_back_with_the_right_password_waits_no_longer(make_lab, client):
    lab = make_lab(otherwise=Otherwise.QUEUE, **ONE_TIME)
    lab.send(client, ask(client, "mistyped"))
    assert isinstance(lab.send(client, ask(client, new_challenge(lab))), Success)
    request = lab.only_request
    assert (request.challenge, request.state) == ("right", State.ISSUED)


def test_a_one_time_password_is_good_once_and_its_reuse_is_an_alarm(make_lab, client, make_client):
    lab = make_lab(otherwise=Otherwise.QUEUE, **ONE_TIME)
    password = new_challenge(lab)
    message = ask(client, password)
    first = lab.send(client, message)
    assert isinstance(first, Success)
    assert lab.send(client, message) == first  # the same request again uses nothing up
    thief = make_client(1, "thief.lab")
    for _ in range(2):
        reply = lab.send(thief, ask(thief, password), source="203.0.113.9")
        assert reply == Failure(FailInfo.BAD_REQUEST, "the challenge password has been used before")
    alarms = audit(lab, What.ALARM)
    assert [(each.by, each.request_id) for each in alarms] == [("203.0.113.9", 1)] * 2
    assert thief.transaction_id in alarms[0].text
    assert password not in repr(alarms)
    assert len(lab.requests) == 1


def test_a_rule_does_not_hush_up_a_reuse(make_lab, client, make_client):
    lab = make_lab(rules=(Rule(Issue()),), challenge=ChallengeRule.ONE_TIME)
    password = new_challenge(lab)
    assert isinstance(lab.send(client, ask(client, password)), Success)
    thief = make_client(1)
    assert isinstance(lab.send(thief, ask(thief, password)), Failure)
    assert len(audit(lab, What.ALARM)) == 1


def test_a_refused_request_uses_no_password_up(make_lab, client):
    lab = make_lab(rules=(Rule(NO, subject="CN=r1.lab"),), **ONE_TIME)
    password = new_challenge(lab)
    assert isinstance(lab.send(client, ask(client, password)), Failure)
    client.subject = names.build_name([[(names.COMMON_NAME, "r2.lab")]])
    assert isinstance(lab.send(client, ask(client, password)), Success)


def test_a_password_expires_on_the_lab_clock(make_lab, client):
    lab = make_lab(**ONE_TIME)
    password = new_challenge(lab)
    lab.clock.advance(timedelta(hours=1))
    reply = lab.send(client, ask(client, password))
    assert reply.text == "the challenge password has expired"


def test_a_devices_password_is_for_it_alone(make_lab, make_client):
    lab = make_lab(decide=Decide.CHALLENGE, challenge=ChallengeRule.PER_DEVICE)
    password = new_challenge(lab, device="R1.lab", once=False, valid_for=None)
    other, device = make_client(1, "r2.lab"), make_client(0, "r1.lab")
    assert lab.send(other, ask(other, password)).text == "the challenge password is wrong"
    assert isinstance(lab.send(device, ask(device, password)), Success)
    cisco = make_client(2, subject=names.build_name([[(names.UNSTRUCTURED_NAME, "r1.lab")]]))
    assert isinstance(lab.send(cisco, ask(cisco, password)), Success)  # it has no common name


# --------------------------------------------------------------------------------- the profiles


def test_md5_and_des_are_for_cisco_legacy_alone(lab, client):
    old = Algorithms(Digest.MD5, Cipher.DES)
    message = client.pkcs_req(algorithms=old)
    for profile in (COMPAT, NDES, RFC8894):
        reply = parse_message(lab.handle(message, profile).body)
        assert (reply.pki_status, reply.fail_info) == (2, FailInfo.BAD_ALG)
    answer = parse_message(lab.handle(message, CISCO_LEGACY).body)
    assert answer.pki_status == 3
    assert lab.only_request.profile == "cisco-legacy"


def test_cisco_legacy_takes_the_encryption_keys_request_signed_by_the_other_key(lab, client, keys):
    """What a router with special-usage keys sends (scep.md 3.4)."""
    message = client.seal(PkcsReq(client.csr(key=keys(5))), transaction_id="2")
    assert isinstance(lab.send(client, message, transaction_id="2"), Failure)
    assert lab.send(client, message, CISCO_LEGACY, transaction_id="2") == Pending()


def test_bad_time_in_rfc8894_alone_and_by_the_worlds_clock(lab, client):
    for off in (timedelta(minutes=6), -timedelta(minutes=6), timedelta(minutes=4), None):
        signing_time = None if off is None else lab.wall + off
        message = client.seal(PkcsReq(client.csr()), signing_time=signing_time)
        reply = lab.send(client, message, RFC8894)
        bad = off is not None and abs(off) > timedelta(minutes=5)
        assert isinstance(reply, Failure) is bad, off
        if bad:
            assert reply.fail_info is FailInfo.BAD_TIME
        assert lab.send(client, message, COMPAT) == Pending()


def test_pending_and_failure_in_each_profiles_shape(lab, client):
    shapes = {COMPAT: (b"", 1), NDES: (b"\0", 0), RFC8894: (None, 1), CISCO_LEGACY: (b"", 1)}
    for profile, (content, told) in shapes.items():
        failure = parse_message(lab.handle(client.poll(transaction_id="none"), profile).body)
        assert (failure.signed.content, len(failure.signed.certificates)) == (content, told)
