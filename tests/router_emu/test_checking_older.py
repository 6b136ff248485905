"""A CRL that is older than one that was here: whoever shows it cannot make the router forget a revocation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from router_emu.pki.peers import crl_cache
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, Reason, Verdict
from router_emu.pki.wire import LdapEntries, LdapEntry
from scep_core import asn1
from scep_core.certificates import Extension
from scep_core.crls import CRL_NUMBER
from tests.router_emu.crl_stage import DAY, NOW, POINT, Web, a_crl, make_crl, scope
from tests.router_emu.pki_lab import make_ca
from tests.router_emu.test_checking import CA, ROOT, TRUST, Desk, optional, peer_of

HOUR = timedelta(hours=1)
ANOTHER = "http://other.lab/ca.crl"
OLD = make_crl(CA, number=1, made=NOW - DAY, due=NOW + 9 * DAY)
NEW = make_crl(CA, 5, number=2, made=NOW - HOUR, due=NOW + DAY)
NEXT = make_crl(CA, number=3, made=NOW + DAY, due=NOW + 3 * DAY)
OLDER = f"the CRL of CN=Issuing from {POINT} does not count: it is older than one that was here"


def at(desk: Desk, when: timedelta, page: bytes | str, *points: str) -> Verdict:
    """What is thought of the peer when all its points show this."""
    for point in points or (POINT,):
        desk.web.pages[point] = page
    return desk([peer_of(CA, *(points or (POINT,)))], NOW + when)


def is_revoked(verdict: Verdict) -> bool:
    return isinstance(verdict, Bad) and verdict.reason is Reason.REVOKED


@pytest.fixture
def desk() -> Desk:
    return Desk(Web())


def test_an_older_crl_that_is_still_good_tells_nothing(desk: Desk) -> None:
    assert is_revoked(at(desk, HOUR, NEW))
    assert is_revoked(at(desk, HOUR, OLD))
    assert at(desk, 2 * DAY, OLD) == CannotTell(Reason.NO_CRL, OLDER)
    assert isinstance(at(desk, 2 * DAY, NEXT), Good)
    assert isinstance(at(desk, 4 * DAY, OLD), CannotTell)


def test_two_crls_without_a_next_update(desk: Desk) -> None:
    old, new = make_crl(CA, made=NOW - HOUR, due=None), make_crl(CA, 5, made=NOW, due=None)
    assert is_revoked(at(desk, HOUR / 2, new))
    assert isinstance(at(desk, HOUR / 2, old), Bad)
    for when in (HOUR, 2 * HOUR):
        assert isinstance(at(desk, when, old), CannotTell)


def test_an_old_crl_without_a_next_update_is_stale(desk: Desk) -> None:
    verdict = at(desk, 0 * DAY, make_crl(CA, made=NOW - 400 * DAY, due=None))
    assert isinstance(verdict, CannotTell)
    assert verdict.reason is Reason.STALE_CRL
    assert desk.checker.cache.all() == []


def test_another_point_that_shows_it_changes_nothing(desk: Desk) -> None:
    at(desk, HOUR, NEW)
    verdict = at(desk, 2 * DAY, OLD, ANOTHER, POINT)
    assert isinstance(verdict, CannotTell)
    assert verdict.why.count("it is older than one that was here") == 2


def test_clearing_forgets_on_purpose(desk: Desk) -> None:
    at(desk, HOUR, NEW)
    desk.checker.cache.clear()
    assert isinstance(at(desk, 2 * DAY, OLD), Good)


def test_it_is_remembered_after_others_have_pushed_it_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crl_cache, "MOST_CRLS", 1)
    at(desk, HOUR, NEW)
    desk.checker.cache.put(a_crl(ROOT), ROOT.certificate, ANOTHER, NOW)
    assert [each.crl.issuer for each in desk.checker.cache.all()] == [ROOT.certificate.subject]
    assert isinstance(at(desk, HOUR, OLD), CannotTell)


def test_one_about_other_certificates_is_none_of_its_age(desk: Desk) -> None:
    part = make_crl(CA, number=7, made=NOW, extensions=[scope(ANOTHER)])
    assert isinstance(at(desk, HOUR, part, ANOTHER), Good)
    assert isinstance(at(desk, HOUR, OLD, POINT), Good)


@pytest.mark.parametrize("backwards", [False, True])
def test_several_of_one_entry_the_newest_of_which_has_run_out(backwards: bool) -> None:
    desk = Desk(Web())
    values = (NEW, OLD)[:: -1 if backwards else 1]
    entry = LdapEntry("CN=x", (("certificateRevocationList;binary", values),))
    desk.web.entries["dir.lab:389"] = {"CN=x": LdapEntries((entry,))}
    peer = peer_of(CA, "ldap://dir.lab/CN=x")
    assert is_revoked(desk([peer], NOW))
    later = Desk(desk.web)
    assert isinstance(later([peer], NOW + 2 * DAY), CannotTell)


def test_where_crls_are_optional_it_is_no_hindrance() -> None:
    desk = Desk(Web(), optional(TRUST))
    assert is_revoked(at(desk, HOUR, NEW))
    assert is_revoked(at(desk, 2 * HOUR, OLD))
    assert isinstance(at(desk, 2 * DAY, OLD), Good)


@pytest.mark.parametrize(
    "critical",
    [Extension(CRL_NUMBER, True, asn1.integer(1)), Extension("2.5.29.35", True, asn1.sequence_of())],
    ids=["number", "key-identifier"],
)
def test_no_critical_extension_that_is_understood_goes_round_the_memory(
    desk: Desk, critical: Extension
) -> None:
    at(desk, HOUR, NEW)
    old = make_crl(CA, made=NOW - DAY, due=NOW + 9 * DAY, extensions=[critical])
    assert at(desk, 2 * DAY, old) == CannotTell(Reason.NO_CRL, OLDER)


def test_nor_does_another_spelling_of_the_issuers_name(desk: Desk) -> None:
    spelt = make_ca("ca", "CN=ISSUING")
    at(desk, HOUR, NEW)
    old = make_crl(spelt, made=NOW - DAY, due=NOW + 9 * DAY)
    assert at(desk, 2 * DAY, old) == CannotTell(Reason.NO_CRL, OLDER)
