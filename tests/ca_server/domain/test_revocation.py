"""Revoking, holding, releasing; the owner's password; and that every change is in the next CRL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ca_server.domain.ledger import AuditFilter, CertificateFilter, CertificateState, Slice, What
from ca_server.domain.revocation import (
    HOLD,
    TABLE,
    BadReason,
    Change,
    NoSuchCertificate,
    PasswordLocked,
    Reason,
    WrongCertificateState,
    WrongPassword,
    next_state,
)
from scep_core.crls import read_crl
from tests.ca_server.revocation_stage import PASSWORD, START, staged

pytest_plugins = ("tests.postgres",)

LATER = START + timedelta(hours=1)


@pytest.fixture
def stage(tmp_path):
    with staged(f"sqlite:///{tmp_path}/store.sqlite3") as stage:
        yield stage


def revoke(stage, serial_number, reason=Reason.UNSPECIFIED, now=LATER, **options):
    return stage.desk.revoke(serial_number, reason=reason, by="operator", now=now, **options)


def listed(stage, now=LATER):
    """What the CRL says: serial number -> (reason, when, since when the key is thought to be bad)."""
    crl = read_crl(stage.desk.crl("ca-1", now))
    return {each.serial_number: (each.reason, each.revoked_at, each.invalidity_date) for each in crl.revoked}


def audit(stage):
    return [(each.what, each.by, each.text) for each in stage.store.audit(AuditFilter(), Slice())]


def wrong(stage, serial_number, password="guess", error=WrongPassword):
    with pytest.raises(error) as caught:
        stage.desk.revoke_with_password(serial_number, password, source="192.0.2.9", now=LATER)
    return str(caught.value)


@pytest.mark.parametrize("reason", set(Reason) - {Reason.REMOVE_FROM_CRL}, ids=lambda reason: reason.rfc_name)
def test_every_reason_is_in_the_crl(stage, reason):
    serial_number = stage.issue()
    assert listed(stage, START) == {}
    revoked = revoke(stage, serial_number, reason)
    held = reason is HOLD
    assert revoked.state(LATER) is (CertificateState.HELD if held else CertificateState.REVOKED)
    assert stage.desk.certificate(serial_number) == revoked
    # unspecified SHOULD be left out (RFC 5280 section 5.3.1), and times have whole seconds.
    assert listed(stage) == {serial_number: (reason or None, LATER.replace(microsecond=0), None)}
    assert audit(stage) == [(What.HELD if held else What.REVOKED, "operator", reason.rfc_name)]


def test_reasons_have_the_rfcs_names():
    assert [reason.rfc_name for reason in Reason] == [
        *("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded"),
        *("cessationOfOperation", "certificateHold", "removeFromCRL", "privilegeWithdrawn", "aACompromise"),
    ]


def test_invalidity_date(stage):
    serial_number, since = stage.issue(), datetime(2026, 2, 27, tzinfo=UTC)
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))  # has no date in UTC
    for bad in (LATER + timedelta(seconds=1), since.replace(tzinfo=None), first):
        with pytest.raises(BadReason):
            revoke(stage, serial_number, Reason.KEY_COMPROMISE, invalidity_date=bad)
    revoke(stage, serial_number, Reason.KEY_COMPROMISE, invalidity_date=since)
    assert listed(stage)[serial_number][2] == since
    assert audit(stage)[0][2] == "keyCompromise, invalid since 2026-02-27 00:00:00 UTC"


@pytest.mark.parametrize("how", ["release", "reason 8"])
def test_a_hold_is_released(stage, how):
    serial_number = stage.issue()
    revoke(stage, serial_number, HOLD)
    if how == "release":
        stage.desk.release(serial_number, by="operator", now=LATER)
    else:
        revoke(stage, serial_number, Reason.REMOVE_FROM_CRL)
    assert listed(stage) == {}
    assert stage.desk.certificate(serial_number).state(LATER) is CertificateState.VALID
    assert [what for what, _, _ in audit(stage)] == [What.HELD, What.RELEASED]


def test_a_hold_becomes_a_revocation_which_is_final(stage):
    serial_number = stage.issue()
    revoke(stage, serial_number, HOLD, now=START)
    revoke(stage, serial_number, Reason.KEY_COMPROMISE)
    assert listed(stage)[serial_number][:2] == (Reason.KEY_COMPROMISE, LATER.replace(microsecond=0))
    before = stage.desk.current_crl("ca-1", LATER), audit(stage)
    for reason in (Reason.SUPERSEDED, HOLD, Reason.REMOVE_FROM_CRL):
        with pytest.raises(WrongCertificateState):
            revoke(stage, serial_number, reason)
    assert (stage.desk.current_crl("ca-1", LATER), audit(stage)) == before


def test_what_the_table_lacks_is_refused():
    for state in CertificateState:
        for change in Change:
            if (state, change) in TABLE:
                assert next_state(state, change) is TABLE[state, change]
            else:
                with pytest.raises(WrongCertificateState):
                    next_state(state, change)
    assert all(state is not CertificateState.REVOKED for state, _ in TABLE)


def test_strangers_and_what_has_ended(stage):
    serial_number = stage.issue(lifetime=timedelta(days=1))
    for act in (stage.desk.certificate, lambda number: revoke(stage, number)):
        with pytest.raises(NoSuchCertificate):
            act(serial_number + 1)
    with pytest.raises(NoSuchCertificate):
        stage.desk.release(serial_number + 1, by="operator", now=LATER)
    with pytest.raises(WrongCertificateState):
        revoke(stage, serial_number, now=START + timedelta(days=2))


def test_wrong_tries_at_the_same_time_are_all_counted(store_url):
    with staged(store_url) as stage, ThreadPoolExecutor(8) as threads:
        serial_number = stage.issue(password=PASSWORD)

        def guess(number):
            try:
                stage.desk.revoke_with_password(serial_number, f"{number}", source="192.0.2.9", now=LATER)
            except (WrongPassword, PasswordLocked) as error:
                return type(error)

        answers = list(threads.map(guess, range(16)))
        assert answers.count(WrongPassword) == 2
        assert answers.count(PasswordLocked) == 14
        assert stage.desk.certificate(serial_number).wrong_passwords == 3


def test_a_locked_password_keeps_nobody_waiting_and_is_not_unlocked_by_a_race(stage, monkeypatch):
    serial_number = stage.issue(password=PASSWORD)
    before = stage.desk.certificate(serial_number)
    for _ in range(2):
        wrong(stage, serial_number)
    wrong(stage, serial_number, error=PasswordLocked)
    with monkeypatch.context() as patched:
        patched.setattr(stage.store, "write", None)  # no transaction is begun for it
        wrong(stage, serial_number, PASSWORD, PasswordLocked)
    monkeypatch.setattr(stage.store, "certificate", lambda _: before)  # looked up before the others' tries
    wrong(stage, serial_number, PASSWORD, PasswordLocked)
    assert listed(stage) == {}


def test_listing(stage):
    first, second = stage.issue(), stage.issue()
    revoke(stage, first)
    wanted = CertificateFilter(CertificateState.REVOKED)
    assert [each.serial_number for each in stage.desk.certificates(wanted, Slice(), LATER)] == [first]
    wanted = CertificateFilter(CertificateState.VALID)
    assert [each.serial_number for each in stage.desk.certificates(wanted, Slice(), LATER)] == [second]


# ------------------------------------------------------------------------------------- the owner's password


def test_the_owner_revokes_with_the_challenge_password(stage):
    serial_number = stage.issue(password=PASSWORD)
    stage.desk.revoke_with_password(serial_number, PASSWORD, source="192.0.2.7", now=LATER)
    assert serial_number in listed(stage)
    assert audit(stage) == [(What.REVOKED, "192.0.2.7", "unspecified, challenge password")]
    # Only who knows the password is told that it was revoked before.
    with pytest.raises(WrongCertificateState):
        stage.desk.revoke_with_password(serial_number, PASSWORD, source="192.0.2.7", now=LATER)
    wrong(stage, serial_number)


def test_three_wrong_tries_lock_the_password(stage):
    serial_number, other = stage.issue(password=PASSWORD), stage.issue(password=PASSWORD)
    wrong(stage, serial_number)
    wrong(stage, serial_number, "")
    wrong(stage, serial_number, "the last guess", PasswordLocked)
    wrong(stage, serial_number, PASSWORD, PasswordLocked)
    assert stage.desk.certificate(serial_number).wrong_passwords == 3
    # Each wrong try is told of, a try on a locked one is none: nobody can fill the audit.
    assert audit(stage) == [(What.WRONG_PASSWORD, "192.0.2.9", f"try {number}") for number in (1, 2, 3)]
    assert listed(stage) == {}
    # The lock is the password's: operators revoke, and another certificate's owner is not concerned.
    revoke(stage, serial_number)
    stage.desk.revoke_with_password(other, PASSWORD, source="192.0.2.7", now=LATER)
    assert set(listed(stage)) == {serial_number, other}


def test_a_certificate_without_a_password_answers_as_one_that_is_not_there(stage):
    serial_number = stage.issue()
    numbers, guesses = (serial_number, 4711), ("", "a", "b", "c", "d")
    said = {wrong(stage, number, guess) for number in numbers for guess in guesses}
    assert len(said) == 1
    assert said == {wrong(stage, stage.issue(password=PASSWORD))}
    assert stage.desk.certificate(serial_number).wrong_passwords == 0
    assert len(audit(stage)) == 1
