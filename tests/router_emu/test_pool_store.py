"""What the pool holds, what of it counts, and what is left of it after a restart."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.pki.pool.bundle import Bundle, read_bundle
from router_emu.pki.pool.store import BrokenPool, TrustPool, dump, load, seal, unseal
from tests.router_emu.pki_lab import make_ca
from tests.router_emu.pool_stage import EPOCH, built_in, shipped

SOURCE = "http://bundles.lab/security/pki/trs/ios.p7b"
DAY = timedelta(days=1)


def with_bundle(name: str) -> TrustPool:
    bundle = read_bundle(shipped()[name].content, built_in(), EPOCH)
    return TrustPool(built_in()).with_bundle(bundle, SOURCE, EPOCH)


def subjects(certificates) -> list[bytes]:
    return [each.subject for each in certificates]


def test_a_fresh_pool_is_what_is_built_in():
    pool = TrustPool(built_in())
    assert pool.active == built_in()
    assert (pool.downloaded, pool.source, pool.imported_at) == ((), "", None)


def test_a_built_in_one_is_inactive_while_a_downloaded_one_has_its_subject_and_active_again_after_clean():
    pool = with_bundle("repeated")
    [replaced] = [each for each in built_in() if each.subject in subjects(pool.downloaded)]
    assert replaced not in pool.downloaded  # it has another key
    assert not pool.is_active(replaced)
    assert [pool.is_active(each) for each in pool.built_in].count(False) == 1
    assert all(map(pool.is_active, pool.downloaded))
    assert replaced not in pool.active
    assert pool.cleaned() == TrustPool(built_in())
    assert pool.cleaned().is_active(replaced)


def test_one_that_is_built_in_and_downloaded_is_active_once_as_downloaded():
    pool = with_bundle("full")
    assert not any(map(pool.is_active, pool.built_in))
    assert all(map(pool.is_active, pool.downloaded))
    assert pool.active == pool.downloaded
    assert set(pool.built_in) < set(pool.downloaded)


def test_subjects_are_compared_as_names_not_as_bytes():
    one = make_ca("one", "O=lab,CN=One Root").certificate
    other = make_ca("other", "O=LAB,CN=one  root").certificate
    assert TrustPool((one,)).with_bundle(Bundle((other,), None), SOURCE, EPOCH).active == (other,)


def test_a_bundle_replaces_all_that_was_downloaded():
    first, second = with_bundle("certifi"), shipped()["core"]
    bundle = read_bundle(second.content, built_in(), EPOCH)
    pool = first.with_bundle(bundle, "disk0:/core.p7b", EPOCH + DAY)
    assert pool.downloaded == bundle.certificates
    assert (pool.source, pool.imported_at) == ("disk0:/core.p7b", EPOCH + DAY)


def test_the_earliest_end_is_that_of_an_active_one_that_is_still_valid():
    pool = with_bundle("expiring")
    first, second = (pool.earliest_end(EPOCH + days * DAY) for days in (30, 31))
    assert first is not None
    assert first.not_after == EPOCH + 30 * DAY
    assert second is not None
    assert second.not_after > first.not_after
    assert pool.earliest_end(EPOCH + 40000 * DAY) is None


def test_it_is_the_same_after_a_restart():
    pool = with_bundle("full")
    stored = json.loads(json.dumps(seal(dump(pool) | {"router": "r1"})))
    assert load(built_in(), unseal(stored, "r1")) == pool


@pytest.mark.parametrize("whose", [{"router": "r2"}, {}])
def test_another_routers_pool_is_not_taken(whose):
    with pytest.raises(BrokenPool, match="another router's"):
        unseal(seal(dump(with_bundle("core")) | whose), "r1")


def test_what_is_built_in_comes_with_the_router_and_is_not_stored():
    assert load((), dump(with_bundle("core"))).built_in == ()


WHOLE = json.dumps(seal(dump(TrustPool(()))))


@pytest.mark.parametrize("stored", [None, [], {}, 7, "x", {"sha256": None}, {"sha256": "", "downloaded": []}])
def test_something_else_is_no_pool(stored):
    with pytest.raises(BrokenPool):
        unseal(stored, "r1")


@pytest.mark.parametrize(
    "part",
    [
        {"downloaded": None},
        {"downloaded": [7]},
        {"downloaded": ["?"]},
        {"downloaded": ["AAAA"]},
        {"imported_at": "yesterday"},
        {"imported_at": "2026-03-01T12:00:00"},
    ],
)
def test_a_pool_of_other_values_is_none(part):
    with pytest.raises(BrokenPool, match="cannot be read"):
        load((), dump(TrustPool(())) | part)


@pytest.mark.parametrize("key", ["downloaded", "source", "imported_at"])
def test_a_pool_without_one_of_its_values_is_none(key):
    stored = dump(TrustPool(()))
    del stored[key]
    with pytest.raises(BrokenPool, match="cannot be read"):
        load((), stored)


@given(st.data())
def test_one_bit_is_noticed_even_where_the_certificate_can_still_be_read(data):
    """Nobody verifies a root's own signature: a spoilt key would be trusted."""
    stored = seal(dump(with_bundle("core")))
    [*certificates] = stored["downloaded"]
    number = data.draw(st.integers(0, len(certificates) - 1))
    at = data.draw(st.integers(0, len(certificates[number]) - 4))
    old = certificates[number]
    other = "A" if old[at] != "A" else "B"
    certificates[number] = old[:at] + other + old[at + 1 :]
    with pytest.raises(BrokenPool, match="not what was written"):
        unseal(stored | {"downloaded": certificates}, "r1")
