"""Who decides: challenge passwords, polls, time, and what each leaves behind; test_rules.py has the rules."""

from datetime import timedelta

import pytest

from ca_server.domain.approval import NoSuchProfile
from ca_server.domain.challenges import ChallengeRule, Use
from ca_server.domain.ledger import What
from ca_server.domain.policy import Decide, Issue, Otherwise, Queue, Rule
from ca_server.domain.profiles import CISCO_LEGACY, COMPAT, NDES, RFC8894
from ca_server.domain.requests import State
from scep_core import names
from scep_core.messages import Failure, Pending, PkcsReq, Success
from scep_core.pkimessage import parse_message
from scep_core.values import Algorithms, Cipher, Digest, FailInfo
from tests.ca_server.conftest import HASHER
from tests.ca_server.enrolment_stage import (
    NO,
    ONE_TIME,
    PER_DEVICE,
    ask,
    ask_for,
    audit,
    dns,
    new_challenge,
    of_another_ca,
)

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


def test_a_poll_at_another_path_is_decided_where_the_request_was_sent(make_lab, make_client):
    lab = make_lab(decide=Decide.AFTER_POLLS, polls=2, in_profile={"ndes": {"polls": 1}})
    slow, quick = make_client(0, "slow.lab"), make_client(1, "quick.lab")
    lab.send(slow, slow.pkcs_req(), COMPAT)
    lab.send(quick, quick.pkcs_req(), NDES)
    assert lab.send(slow, slow.poll(), NDES) == Pending()
    assert isinstance(lab.send(quick, quick.poll(), COMPAT), Success)


def test_when_a_profile_is_there_no_more_a_person_decides(make_lab, client):
    policy = {"decide": Decide.AFTER_POLLS, "polls": 1}
    make_lab(**policy).send(client, client.pkcs_req(), RFC8894)
    lab = make_lab(**policy, in_profile={"rfc8894": None})
    assert lab.send(client, client.poll(), COMPAT) == Pending()
    with pytest.raises(NoSuchProfile):
        lab.approve(1)
    lab.approve(1, profile="compat")
    assert isinstance(lab.send(client, client.poll(), COMPAT), Success)


@pytest.mark.parametrize("decide", [Decide.AFTER_POLLS, Decide.AFTER_TIME])
@pytest.mark.parametrize(
    "why",
    [
        {"rules": (Rule(Queue(), name="r1.lab"),)},
        {"challenge": ChallengeRule.ONE_TIME, "otherwise": Otherwise.QUEUE},
    ],
    ids=["rule", "password"],
)
def test_what_is_queued_for_a_person_is_not_issued_by_asking_again(make_lab, client, decide, why):
    lab = make_lab(decide=decide, polls=2, **why)
    assert lab.send(client, ask(client, "guess")) == Pending()
    lab.clock.advance(timedelta(hours=1))
    for message in (client.poll, client.poll, lambda: ask(client, "guess"), lambda: ask(client)):
        assert lab.send(client, message()) == Pending()
    lab.approve(1)
    assert isinstance(lab.send(client, client.poll()), Success)


def test_with_the_right_password_at_last_it_waits_for_the_policy_alone(make_lab, client):
    rule = {"challenge": ChallengeRule.ONE_TIME, "otherwise": Otherwise.QUEUE}
    lab = make_lab(decide=Decide.AFTER_POLLS, polls=2, **rule)
    lab.send(client, ask(client, "mistyped"))
    assert lab.send(client, ask(client, new_challenge(lab))) == Pending()  # as good as a poll
    assert isinstance(lab.send(client, client.poll()), Success)


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


@pytest.mark.parametrize("tries", [["right"], ["mistyped", "right"]])
def test_a_static_password_is_everybodys_and_revokes_nothing(make_lab, client, tries):
    lab = make_lab(
        decide=Decide.CHALLENGE,
        challenge=ChallengeRule.STATIC,
        otherwise=Otherwise.QUEUE,
        static_challenges=(HASHER.digest("right"),),
    )
    replies = [lab.send(client, ask(client, each)) for each in tries]
    assert [isinstance(each, Success) for each in replies] == [each == "right" for each in tries]
    request = lab.only_request
    assert (request.challenge, request.challenge_digest) == ("right", None)


def test_a_right_password_is_not_asked_for_again(make_lab, client):
    lab = make_lab(challenge=ChallengeRule.ONE_TIME)
    password = new_challenge(lab)
    lab.send(client, ask(client, password))
    assert lab.send(client, ask(client)) == Pending()
    request = lab.only_request
    kept = HASHER.digest(password, Use.ENROLMENT)
    assert (request.challenge, request.challenge_digest, request.polls) == ("right", kept, 1)
    lab.send(client, ask(client, new_challenge(lab)))
    assert lab.only_request.challenge == "right"


def test_ndes_cache_is_not_full_of_what_was_brought(lab, make_client):
    for number in range(6):
        password = lab.desks.challenges.ndes_password(by="operator", now=lab.clock.now())
        client = make_client(number, f"r{number}.lab")
        assert lab.send(client, ask(client, password), NDES) == Pending()


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
    lab = make_lab(**PER_DEVICE)
    password = new_challenge(lab, device="R1.lab", once=False, valid_for=None)
    other, device = make_client(1, "r2.lab"), make_client(0, "r1.lab")
    assert lab.send(other, ask(other, password)).text == "the challenge password is wrong"
    assert isinstance(lab.send(device, ask(device, password)), Success)
    cisco = make_client(2, subject=names.build_name([[(names.UNSTRUCTURED_NAME, "r1.lab")]]))
    assert isinstance(lab.send(cisco, ask(cisco, password)), Success)  # it has no common name


@pytest.mark.parametrize(
    ("called", "alternative", "issued"),
    [
        (["r1.lab"], ["r1", "R1.lab"], True),
        (["r1.lab"], ["boss.lab"], False),
        (["boss.lab"], ["boss.lab", "r1.lab"], False),
        (["boss.lab", "r1.lab"], ["r1.lab"], False),
    ],
)
def test_a_devices_password_is_for_no_name_besides_its_own(
    make_lab, make_client, called, alternative, issued
):
    lab = make_lab(**PER_DEVICE)
    password = new_challenge(lab, device="r1.lab", once=False, valid_for=None)
    client = make_client(subject=names.build_name([[(names.COMMON_NAME, each)] for each in called]))
    reply = lab.send(client, ask_for(client, dns(*alternative), challenge=password))
    assert isinstance(reply, Success) is issued


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


@pytest.mark.parametrize("issuer", ["ours", "CN=other"])
def test_a_strangers_certificate_vouches_for_no_other_key(automatic, client, make_client, keys, issuer):
    """Anybody can make one up, under our CA's name too."""
    other = None if issuer == "ours" else names.build_name([[(names.COMMON_NAME, "other")]])
    client.identity = of_another_ca(make_client(1), client, issuer=other)
    reply = automatic.send(client, ask_for(client, key=keys(5)))
    text = "the message is signed with another key than the one in the request"
    assert reply == Failure(FailInfo.BAD_REQUEST, text)


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
