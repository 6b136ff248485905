"""Which CRLs are kept, for which certificates they serve, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from router_emu.pki.peers import crl_cache
from router_emu.pki.peers.crl_cache import MOST_CRLS, CrlCache, CrlRefused
from scep_core import asn1
from scep_core.certificates import Extension, ext_crl_distribution_points
from scep_core.crls import Crl
from tests.router_emu.crl_stage import DAY, NOW, POINT, a_crl, scope
from tests.router_emu.pki_lab import make_ca, make_identity

CA = make_ca()
PEER = make_identity("peer", "CN=peer", ext_crl_distribution_points(POINT), issuer=CA).certificate
OTHER = make_identity("peer", "CN=other", issuer=CA).certificate


@pytest.fixture
def cache() -> CrlCache:
    return CrlCache()


def put(cache: CrlCache, crl: Crl, source: str = POINT, now: datetime = NOW) -> Crl:
    cache.put(crl, CA.certificate, source, now)
    return crl


def test_a_crl_serves_all_certificates_of_its_issuer_until_the_next_is_due(cache: CrlCache) -> None:
    crl = put(cache, a_crl(CA))
    for certificate in (PEER, OTHER):
        assert cache.find(certificate, CA.certificate, NOW) == [crl]
        assert cache.find(certificate, CA.certificate, NOW + 6 * DAY - timedelta(seconds=2)) == [crl]
        assert cache.find(certificate, CA.certificate, NOW + 6 * DAY) == []
        assert cache.find(certificate, CA.certificate, NOW - 2 * DAY) == []  # the lab's clock was reset


def test_a_crl_without_a_next_update_serves_an_hour(cache: CrlCache) -> None:
    crl = put(cache, a_crl(CA, made=NOW, due=None))
    assert cache.find(PEER, CA.certificate, NOW + timedelta(minutes=59)) == [crl]
    assert cache.find(PEER, CA.certificate, NOW + timedelta(hours=1)) == []
    with pytest.raises(CrlRefused, match="stale"):
        put(cache, a_crl(CA, 5, made=NOW, due=None), now=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"key": make_identity("stranger", "CN=stranger")}, "cannot be verified"),
        ({"due": NOW, "number": 5}, "stale"),
        ({"made": NOW - 9 * DAY, "due": NOW - DAY}, "older"),
        ({"made": NOW + DAY}, "not valid yet"),
        ({"made": NOW - 2 * DAY, "number": 9}, "older"),
        ({"number": 4}, "older"),
        ({"extensions": [Extension("2.5.29.27", True, asn1.integer(1))]}, "only what has changed"),
    ],
    ids=["forged", "due-now", "stale", "not-yet", "older", "lower-number", "delta"],
)
def test_what_is_worth_less_does_not_take_the_place(
    cache: CrlCache, options: dict[str, Any], why: str
) -> None:
    good = put(cache, a_crl(CA, 5, number=5))
    with pytest.raises(CrlRefused, match=why):
        put(cache, a_crl(CA, **{"number": 6, **options}))
    assert cache.find(PEER, CA.certificate, NOW) == [good]


def test_a_crl_with_another_issuers_name_is_not_kept(cache: CrlCache) -> None:
    with pytest.raises(CrlRefused, match="another issuer"):
        put(cache, a_crl(make_ca("ca", "CN=not this one")))
    assert cache.all() == []


def test_a_newer_crl_takes_the_place(cache: CrlCache) -> None:
    put(cache, a_crl(CA, number=5))
    newer = put(cache, a_crl(CA, 5, number=6))
    assert cache.find(PEER, CA.certificate, NOW) == [newer]
    latest = put(cache, a_crl(CA, made=NOW - timedelta(hours=1), number=1))
    assert [each.crl for each in cache.all()] == [latest]


def test_a_part_of_the_crl_serves_those_who_name_its_source(cache: CrlCache) -> None:
    part = put(cache, a_crl(CA, extensions=[scope(POINT)]))
    assert cache.find(PEER, CA.certificate, NOW) == [part]
    assert cache.find(OTHER, CA.certificate, NOW) == []
    whole = put(cache, a_crl(CA), "http://pub.lab/whole.crl")
    assert cache.find(OTHER, CA.certificate, NOW) == [whole]
    assert cache.find(PEER, CA.certificate, NOW) == [part, whole]


def test_the_newest_is_remembered_when_it_has_gone(cache: CrlCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_cache, "MOST_CRLS", 1)
    put(cache, a_crl(CA, 5, number=2))
    put(cache, a_crl(CA, extensions=[scope(POINT)]))
    assert len(cache.all()) == 1
    with pytest.raises(CrlRefused, match="older"):
        put(cache, a_crl(CA, number=1))
    cache.clear()
    put(cache, a_crl(CA, number=1))


def test_the_memory_has_an_end(cache: CrlCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_cache, "MOST_REMEMBERED", 2)
    put(cache, a_crl(CA, number=2))
    with pytest.raises(CrlRefused, match="older"):  # which keeps the memory of it alive
        put(cache, a_crl(CA, number=1))
    for name in ("one", "another"):
        put(cache, a_crl(CA, extensions=[scope(name)]))
    put(cache, a_crl(CA, number=1))


def test_what_is_older_than_one_that_came_too_late_serves_no_more(cache: CrlCache) -> None:
    older = put(cache, a_crl(CA, number=1))
    with pytest.raises(CrlRefused, match="stale"):
        put(cache, a_crl(CA, 5, number=2, due=NOW - timedelta(hours=1)))
    assert cache.find(PEER, CA.certificate, NOW) == []
    assert [each.crl for each in cache.all()] == [older]


def test_two_cas_of_one_name_have_a_crl_each(cache: CrlCache) -> None:
    namesake = make_ca("another ca")
    ours = put(cache, a_crl(CA))
    theirs = a_crl(namesake)
    cache.put(theirs, namesake.certificate, POINT, NOW)
    assert cache.find(PEER, CA.certificate, NOW) == [ours]
    assert cache.find(PEER, namesake.certificate, NOW) == [theirs]


def test_parts_without_end_push_the_oldest_out(cache: CrlCache) -> None:
    whole = put(cache, a_crl(CA))
    for number in range(MOST_CRLS - 1):
        put(cache, a_crl(CA, extensions=[scope(f"{POINT}/{number}")]))
    assert whole in cache.find(PEER, CA.certificate, NOW)
    put(cache, a_crl(CA, extensions=[scope("one more")]))
    assert len(cache.all()) == MOST_CRLS
    assert whole not in cache.find(PEER, CA.certificate, NOW)


def test_large_ones_push_the_oldest_out_but_not_themselves(
    cache: CrlCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = a_crl(CA), a_crl(CA, extensions=[scope(POINT)])
    monkeypatch.setattr(crl_cache, "MOST_OCTETS", len(first.der) + len(second.der))
    put(cache, first)
    put(cache, second)
    assert len(cache.all()) == 2
    largest = put(cache, a_crl(CA, *range(100), extensions=[scope("other")]))
    assert [each.crl for each in cache.all()] == [largest]


def test_forgotten(cache: CrlCache) -> None:
    put(cache, a_crl(CA))
    cache.clear()
    assert (cache.all(), cache.find(PEER, CA.certificate, NOW)) == ([], [])
