"""Challenge passwords: which is right for whom, what is kept of them, and what reuse leaves behind."""

import os
import re
from datetime import UTC, datetime, timedelta

import pytest

from ca_server.domain import challenges
from ca_server.domain.challenges import (
    BadChallenge,
    CacheFull,
    ChallengeDesk,
    ChallengeRule,
    ChallengeUsed,
    Checked,
    Hasher,
    NoSuchChallenge,
    Use,
)
from ca_server.domain.ledger import AuditEntry, Slice, What
from ca_server.domain.requests import ChallengeState
from tests.ca_server.challenge_ledger import ChallengeLedger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
R1 = ("r1", "R1.lab")


@pytest.fixture
def hasher():
    return Hasher(os.urandom(32))


@pytest.fixture
def ledger():
    return ChallengeLedger()


@pytest.fixture
def desk(ledger, hasher):
    return ChallengeDesk(ledger, hasher, os.urandom)


@pytest.fixture
def give(desk):
    """``give(device=..., once=..., ...)``: a password, given out at NOW for an hour."""

    def give(device=None, *, once=True, valid_for=HOUR, **options):
        return desk.new(device=device, once=once, valid_for=valid_for, by="op", now=NOW, **options)[1]

    return give


@pytest.fixture
def check(ledger, hasher):
    def check(password, rule=ChallengeRule.ONE_TIME, *, names=R1, now=NOW, static=()):
        return challenges.check(
            ledger, hasher, rule=rule, static=static, password=password, names=names, now=now
        )

    return check


@pytest.fixture
def state(check):
    """``state(password, rule, ...)``: what a password turns out to be, as a word."""
    return lambda *arguments, **options: str(check(*arguments, **options).state)


# -- hashes --


def test_a_hash_is_bound_to_its_key_and_to_its_use(hasher):
    hashes = [hasher.digest("cisco", use) for use in Use]
    assert len(set(hashes)) == len(Use)
    assert hasher.matches("cisco", hasher.digest("cisco", Use.TOKEN), Use.TOKEN)
    assert not hasher.matches("cisco", hasher.digest("cisco", Use.TOKEN))
    assert not Hasher(os.urandom(32)).matches("cisco", hasher.digest("cisco"))


@pytest.mark.parametrize("secret", ["", "é\u20ac", "a\0b", "\ud800"])
def test_every_text_has_a_hash(hasher, secret):
    assert hasher.matches(secret, hasher.digest(secret))
    assert not hasher.matches(secret + "x", hasher.digest(secret))


def test_a_short_key_is_none():
    with pytest.raises(ValueError, match="32 bytes"):
        Hasher(b"short")


def test_the_single_password_is_the_keys_own_and_a_static_one(hasher, state):
    key = os.urandom(32)
    password = Hasher(key).single_password()
    assert re.fullmatch("[0-9A-F]{32}", password)
    assert password == Hasher(key).single_password() != hasher.single_password()
    static = [hasher.digest(hasher.single_password())]
    assert state(hasher.single_password(), ChallengeRule.STATIC, static=static) == "right"
    assert state("", ChallengeRule.STATIC, static=static) == "absent"


# -- checking --


@pytest.mark.parametrize("rule", list(ChallengeRule))
@pytest.mark.parametrize("password", [None, ""])
def test_no_password_is_absent_under_every_rule(state, rule, password):
    assert state(password, rule) == "absent"


@pytest.mark.parametrize("rule", list(ChallengeRule))
def test_a_password_of_nobodys(state, hasher, rule):
    expected = "not-checked" if rule is ChallengeRule.IGNORED else "wrong"
    assert state("guess", rule, static=[hasher.digest("secret")]) == expected


def test_any_of_several_static_passwords_is_right_and_what_was_given_out_is_not(state, hasher, give):
    static = [hasher.digest("old"), hasher.digest("new")]
    assert [state(each, ChallengeRule.STATIC, static=static) for each in ("old", "new", give())] == [
        "right",
        "right",
        "wrong",
    ]


# which password, under ONE_TIME, under PER_DEVICE; the one who brings it is r1, alias R1.lab
@pytest.mark.parametrize(
    ("device", "once", "one_time", "per_device"),
    [
        (None, True, "right", "wrong"),
        ("r1.lab", True, "right", "right"),
        ("R1.LAB", True, "right", "right"),
        ("r1", True, "wrong", "wrong"),  # which is not R1.lab
        ("r1.example", True, "wrong", "wrong"),
        ("r2.lab", True, "wrong", "wrong"),
        ("r1.lab", False, "wrong", "right"),
        ("r2.lab", False, "wrong", "wrong"),
    ],
)
def test_which_rule_takes_which_password(give, state, device, once, one_time, per_device):
    password = give(device, once=once)
    assert state(password, ChallengeRule.ONE_TIME) == one_time
    assert state(password, ChallengeRule.PER_DEVICE) == per_device
    assert state(password.lower(), ChallengeRule.ONE_TIME) == "wrong"


def test_who_has_no_name_is_no_device(give, state):
    assert state(give("r1"), ChallengeRule.PER_DEVICE, names=()) == "wrong"


@pytest.mark.parametrize("rule", [ChallengeRule.ONE_TIME, ChallengeRule.PER_DEVICE])
def test_a_password_ends_at_its_end(give, state, rule):
    password = give("r1.lab")
    assert state(password, rule, now=NOW + HOUR - timedelta.resolution) == "right"
    assert state(password, rule, now=NOW + HOUR) == "expired"
    assert state(password, rule, now=NOW + HOUR, names=["r2"]) == "wrong"
    assert state(give("r1.lab", valid_for=None), rule, now=NOW + 9999 * HOUR) == "right"


# -- using --


def test_a_one_time_password_is_used_up_and_comes_again(give, check, state, ledger):
    password = give("r1.lab")
    challenges.record(ledger, check(password), request_id=7, now=NOW)
    (kept,) = ledger.kept.values()
    assert (kept.used_by, kept.used_at) == (7, NOW)
    for rule in (ChallengeRule.ONE_TIME, ChallengeRule.PER_DEVICE):
        assert state(password, rule) == "used"
        assert state(password, rule, names=["thief"]) == "used"
        assert state(password, rule, now=NOW + 2 * HOUR) == "used"


def test_reuse_raises_an_alarm_that_says_who_was_first(give, check, ledger):
    password = give("r1.lab")
    challenges.record(ledger, check(password), request_id=7, now=NOW)
    ledger.audited.clear()
    again = check(password, names=["thief"])
    challenges.alarm(ledger, again, source="192.0.2.9", transaction_id="ABBA", now=NOW + HOUR)
    (entry,) = ledger.audited
    assert entry == AuditEntry(What.ALARM, "192.0.2.9", NOW + HOUR, request_id=7, text=entry.text)
    assert entry.text == "challenge 1 of r1.lab, used by request 7, came again in transaction ABBA"


@pytest.mark.parametrize("state", [each for each in ChallengeState if each is not ChallengeState.USED])
def test_nothing_but_reuse_raises_an_alarm(give, check, ledger, state):
    known = check(give()).challenge
    ledger.audited.clear()
    challenges.alarm(ledger, Checked(state, known), source="192.0.2.9", transaction_id="A", now=NOW)
    assert ledger.audited == []


def test_of_two_who_use_it_at_once_one_is_told(give, check, ledger):
    password = give()
    first, second = check(password), check(password)
    challenges.record(ledger, first, request_id=1, now=NOW)
    with pytest.raises(ChallengeUsed):
        challenges.record(ledger, second, request_id=2, now=NOW)
    assert next(iter(ledger.kept.values())).used_by == 1


def test_only_a_right_one_time_password_is_used_up(give, check, ledger):
    lasting = give("r1.lab", once=False)
    checked = [
        check(lasting, ChallengeRule.PER_DEVICE),
        check(give("r1.lab"), names=["r2"]),
        check(give("r1.lab"), now=NOW + HOUR),
        check(None),
    ]
    assert [each.state for each in checked] == ["right", "wrong", "expired", "absent"]
    for each in checked:
        challenges.record(ledger, each, request_id=1, now=NOW)
    assert [each.used_at for each in ledger.kept.values()] == [None] * 3


def test_where_nobody_asks_for_it_ndes_password_is_used_up_all_the_same(give, check, ledger):
    """Or its cache would be full after five routers, though each has brought its own."""
    passwords = [give(), give("r1.lab"), give(valid_for=HOUR / 2), give()]
    late = NOW + HOUR / 2
    for password in passwords[:3]:
        challenges.record(ledger, check(password, ChallengeRule.IGNORED, now=late), request_id=7, now=late)
    assert [each.used_by for each in ledger.kept.values()] == [7, None, None, None]
    again = check(passwords[0], ChallengeRule.IGNORED, now=late)
    assert again == Checked(ChallengeState.NOT_CHECKED)  # and is neither used twice nor an alarm


# -- giving out --


def test_what_is_given_out_is_random_and_not_kept(desk, ledger):
    given = [
        desk.new(device="r1", once=False, valid_for=HOUR, by="op", now=NOW),
        desk.new(device=None, once=True, valid_for=None, by="op", now=NOW),
    ]
    passwords = [password for _, password in given]
    assert len(set(passwords)) == 2
    for challenge, password in given:
        assert re.fullmatch("[0-9A-F]{16}", password)
        assert password not in repr((challenge, ledger.kept, ledger.audited))
    assert desk.list(Slice()) == [challenge for challenge, _ in given]
    assert [(each.what, each.by, each.text) for each in ledger.audited] == [
        (What.CHALLENGE, "op", "challenge 1, lasting, for r1, until 2026-03-01 13:00:00"),
        (What.CHALLENGE, "op", "challenge 2, for one use"),
    ]


def test_an_operators_own_words_are_one_devices(give, state, ledger):
    assert give("r1.lab", once=False, password="open sesame") == "open sesame"
    assert state("open sesame", ChallengeRule.PER_DEVICE) == "right"
    with pytest.raises(BadChallenge, match="already"):
        give("r2", password="open sesame")
    assert len(ledger.kept) == len(ledger.audited) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"once": False},  # for everybody, for ever
        {"password": "cisco"},  # chosen, for everybody
        {"device": ""},
        {"device": "r1\n"},
        {"device": "r" * 256},
        {"device": "r1", "password": ""},
        {"device": "r1", "password": "a\tb"},
        {"device": "r1", "password": "x" * 256},
        {"valid_for": timedelta(0)},
        {"valid_for": -HOUR},
        {"valid_for": timedelta.max},
    ],
)
def test_what_is_not_given_out(give, ledger, options):
    with pytest.raises(BadChallenge):
        give(**options)
    assert not ledger.kept
    assert not ledger.audited


def test_a_withdrawn_password_is_wrong(desk, give, state, ledger):
    password = give()
    desk.withdraw(1, by="op", now=NOW)
    assert state(password) == "wrong"
    assert (ledger.audited[-1].what, ledger.audited[-1].text) == (What.CHALLENGE_WITHDRAWN, "challenge 1")
    with pytest.raises(NoSuchChallenge):
        desk.withdraw(1, by="op", now=NOW)
    assert len(ledger.audited) == 2


def test_a_used_password_cannot_be_withdrawn_and_goes_on_to_raise_alarms(desk, give, check, state, ledger):
    password = give()
    challenges.record(ledger, check(password), request_id=7, now=NOW)
    with pytest.raises(BadChallenge, match="used up already"):
        desk.withdraw(1, by="op", now=NOW)
    assert state(password) == "used"


# -- NDES's cache --


def test_ndes_keeps_five_until_one_is_used_or_an_hour_has_passed(desk, check, state, ledger, give):
    give("r1")  # a device's own is none of the five
    passwords = [desk.ndes_password(by="op", now=NOW) for _ in range(5)]
    assert all(re.fullmatch("[0-9A-F]{16}", each) for each in passwords)
    with pytest.raises(CacheFull):
        desk.ndes_password(by="op", now=NOW)
    challenges.record(ledger, check(passwords[0]), request_id=1, now=NOW)
    assert state(desk.ndes_password(by="op", now=NOW)) == "right"
    with pytest.raises(CacheFull):
        desk.ndes_password(by="op", now=NOW + HOUR - timedelta.resolution)
    assert state(desk.ndes_password(by="op", now=NOW + HOUR), now=NOW + HOUR) == "right"
    assert state(passwords[1], now=NOW + HOUR) == "expired"


def test_the_audit_tells_of_a_password_from_ndes(desk, ledger):
    password = desk.ndes_password(by="op", now=NOW)
    (entry,) = ledger.audited
    assert (entry.what, entry.by) == (What.CHALLENGE, "op")
    assert password not in repr(ledger.audited)
