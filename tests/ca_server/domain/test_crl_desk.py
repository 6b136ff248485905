"""When CRLs are made, with which numbers and entries, and what is handed out in their place for tests."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ca_server.domain.authority import KeyKind, Shape
from ca_server.domain.crl_desk import FURTHER_ENTRIES, CrlDesk, CrlSettings, NoSuchCrl, Serving
from ca_server.domain.ledger import AuditFilter, Slice, What
from ca_server.domain.revocation import HOLD, Reason
from ca_server.store import SqlStore
from scep_core.crls import read_crl, verify_crl
from tests.ca_server.revocation_stage import START, Stage, authority, staged

pytest_plugins = ("tests.postgres",)

WEEK = timedelta(days=7)


@pytest.fixture
def stage(store_url):
    with staged(store_url) as stage:
        yield stage


def serial_numbers(crl):
    return [each.serial_number for each in read_crl(crl).revoked]


def serve(stage, serving, now=START):
    stage.desk.set_serving(serving, by="operator", now=now)


def test_a_crl_lasts_a_week_and_half_a_day_and_is_not_made_twice(stage):
    first = stage.desk.current_crl("ca-1", START)
    assert (first.number, first.this_update) == (1, START)
    assert first.next_update == START + WEEK + timedelta(hours=12)
    assert stage.desk.crl("ca-1", START + WEEK - timedelta(seconds=1)) == first.der
    second = stage.desk.current_crl("ca-1", START + WEEK)
    assert (second.number, second.this_update) == (2, START + WEEK)
    crl = read_crl(second.der)
    verify_crl(crl, stage.generations[0].ca.certificate)
    assert (crl.number, crl.this_update) == (2, second.this_update.replace(microsecond=0))
    assert crl.next_update == second.next_update.replace(microsecond=0)


@pytest.mark.parametrize(
    ("overlap", "lasts"), [(None, timedelta(hours=11)), (timedelta(0), timedelta(hours=10))]
)
def test_the_settings(stage, overlap, lasts):
    period = timedelta(hours=10)
    settings = CrlSettings(period, overlap)
    assert settings.next_update(START) == START + lasts
    desk = CrlDesk(stage.store, stage.succession, settings)
    (made,) = desk.issue_crl(by="operator", now=START)
    assert desk.current_crl("ca-1", START + period - timedelta(seconds=1)) == made
    assert desk.current_crl("ca-1", START + period) != made


def test_no_crl_is_older_than_the_one_before_whatever_the_machines_clocks(stage):
    ahead = START + timedelta(hours=1)
    first, second = stage.issue(), stage.issue()
    stage.desk.revoke(first, by="operator", now=ahead)
    stage.desk.revoke(second, by="operator", now=ahead - timedelta(seconds=5))
    made = stage.desk.current_crl("ca-1", ahead)
    assert (made.number, made.this_update) == (2, ahead)
    assert made.next_update == CrlSettings().next_update(ahead)
    assert {each.serial_number for each in read_crl(made.der).revoked} == {first, second}


def test_numbers_go_on_over_restarts_and_changes(stage, store_url):
    stage.desk.revoke(stage.issue(), by="operator", now=START)
    stage.desk.current_crl("ca-1", START + WEEK)
    stage.store.close()
    with staged(store_url) as again:
        (made,) = again.desk.issue_crl("ca-1", by="operator", now=START + WEEK)
        assert made.number == 3
        (line,) = again.store.audit(AuditFilter(What.CRL), Slice())
        assert (line.by, line.text) == ("operator", "CRL 3 of ca-1")


def test_two_processes_make_one_crl(stage, store_url):
    """Two stores over one database: as two processes have it."""
    other = SqlStore(store_url, lambda: START)
    desks = [stage.desk, Stage(other, stage.generations).desk]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: desks[number % 2].crl("ca-1", START), range(32)))
        assert len(set(answers)) == 1
        made = threads.map(
            lambda number: desks[number % 2].issue_crl(by="operator", now=START)[0].number, range(16)
        )
        assert sorted(made) == list(range(2, 18))
    other.close()


def test_what_has_ended_is_listed_once_more_and_then_no_more(stage):
    """RFC 5280 section 3.3: an entry stays until a CRL from after the certificate's end has had it."""
    serial_number = stage.issue(lifetime=timedelta(days=1))
    stage.desk.revoke(serial_number, by="operator", now=START)
    assert serial_numbers(stage.desk.crl("ca-1", START + WEEK)) == [serial_number]
    assert serial_numbers(stage.desk.crl("ca-1", START + 2 * WEEK)) == []


def test_each_generation_and_each_root_has_its_own(store_url):
    shape = Shape(with_root=True)
    first, second = authority(shape), authority(shape, number=2, now=START + timedelta(days=1))
    now = START + timedelta(days=2)
    with staged(store_url, first) as stage:
        old = stage.issue(by=first)
        stage.desk.revoke(old, by="operator", now=START)
        stage.generations.append(second)  # by another process: it is asked anew
        new = stage.issue(by=second)
        stage.desk.revoke(new, reason=HOLD, by="operator", now=now)
        found = {crl.issuer: serial_numbers(crl.der) for crl in stage.desk.current_crls(now)}
        assert found == {"ca-1": [old], "root-1": [], "ca-2": [new], "root-2": []}
        for ca in stage.succession().cas:
            verify_crl(read_crl(stage.desk.crl(ca.name, now)), ca.certificate)
        stage.desk.issue_crl("root-2", by="operator", now=now)
        assert [stage.desk.current_crl(name, now).number for name in ("root-1", "root-2")] == [1, 2]


def test_strangers(stage):
    for act in (
        lambda: stage.desk.crl("ca-9", START),
        lambda: stage.desk.issue_crl("ca-9", by="operator", now=START),
    ):
        with pytest.raises(NoSuchCrl):
            act()


@pytest.mark.parametrize("key", [KeyKind.RSA_2048, KeyKind.EC_P256])
def test_one_thing_is_wrong_at_a_time(store_url, key):
    by = authority(Shape(key))
    with staged(store_url, by) as stage:
        serial_number = stage.issue()
        stage.desk.revoke(serial_number, reason=Reason.SUPERSEDED, by="operator", now=START)
        good = read_crl(stage.desk.crl("ca-1", START))

        serve(stage, Serving.EXPIRED)
        expired = read_crl(stage.desk.crl("ca-1", START))
        verify_crl(expired, by.ca.certificate)
        assert expired.next_update == good.this_update - timedelta(days=1)
        assert (expired.number, expired.revoked) == (good.number, good.revoked)

        serve(stage, Serving.WRONG_SIGNER)
        forged = read_crl(stage.desk.crl("ca-1", START))
        with pytest.raises(ValueError):
            verify_crl(forged, by.ca.certificate)
        assert (forged.issuer, forged.this_update, forged.next_update, forged.revoked) == (
            *(good.issuer, good.this_update, good.next_update, good.revoked),
        )

        serve(stage, Serving.HUGE)
        huge = read_crl(stage.desk.crl("ca-1", START))
        verify_crl(huge, by.ca.certificate)
        assert huge.revoked[:1] == good.revoked
        further = {each.serial_number for each in huge.revoked[1:]}
        assert len(further) == FURTHER_ENTRIES == 100_000
        # None of ours can be among them, and all are serial numbers (RFC 5280 section 4.1.2.2).
        assert 2**128 < min(further) <= max(further) < 2**159
        assert (huge.number, huge.this_update, huge.next_update) == (
            *(good.number, good.this_update, good.next_update),
        )

        serve(stage, Serving.MISSING)
        with pytest.raises(NoSuchCrl):
            stage.desk.crl("ca-1", START)
        # The true one is kept and goes on.
        assert stage.desk.current_crl("ca-1", START).der == good.der
        serve(stage, Serving.NORMAL)
        assert stage.desk.crl("ca-1", START) == good.der


def test_what_is_served_is_agreed_on_and_audited(stage, store_url):
    assert stage.desk.serving() is Serving.NORMAL
    other = SqlStore(store_url, lambda: START)
    serve(stage, Serving.EXPIRED)
    assert Stage(other, stage.generations).desk.serving() is Serving.EXPIRED
    other.close()
    (line,) = stage.store.audit(AuditFilter(What.CRL_SERVING), Slice())
    assert (line.by, line.text) == ("operator", "expired")


def test_a_spoilt_crl_follows_the_true_one_and_is_signed_once(stage):
    serve(stage, Serving.EXPIRED)
    spoilt = stage.desk.served_crl("ca-1", START)
    assert stage.desk.served_crl("ca-1", START) is spoilt
    serial_number = stage.issue()
    stage.desk.revoke(serial_number, by="operator", now=START)
    assert serial_numbers(stage.desk.crl("ca-1", START)) == [serial_number]
