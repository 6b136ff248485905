"""A peer's chain and the CRLs that it needs: which are fetched, from where, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time

import pytest

from router_emu.pki.peers.checking import MOST_POINTS, Checker, check_peer, judge_by
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict
from scep_core.certificates import Certificate, Extension, ext_crl_distribution_points
from scep_core.cms import Identity
from tests.router_emu.crl_stage import DAY, GETTER, NOW, POINT, Web, make_crl
from tests.router_emu.pki_lab import make_ca, make_identity

ROOT_POINT = "http://pub.lab/root.crl"
ROOT = make_ca("root", "CN=Root")
CA = make_ca("ca", "CN=Issuing")
TRUST = Trust("myca", (CA.certificate,))
PEER = make_identity("peer", "CN=r2.lab", ext_crl_distribution_points(POINT), issuer=CA, serial_number=5)
SUB = make_ca("sub", "CN=Sub", issuer=ROOT, serial_number=7)


def peer_of(issuer: Identity, *points: str, serial_number: int = 5) -> Certificate:
    extensions: list[Extension] = [ext_crl_distribution_points(*points)] if points else []
    subject = "CN=r2.lab"
    return make_identity("peer", subject, *extensions, issuer=issuer, serial_number=serial_number).certificate


@pytest.fixture
def web() -> Web:
    return Web()


class Desk:
    """A checker over a web."""

    def __init__(self, web: Web, *trusts: Trust) -> None:
        self.web = web
        self.checker = Checker(trusts or (TRUST,), CrlCache(), GETTER)

    def __call__(self, chain: Sequence[Certificate] = (PEER.certificate,), now: datetime = NOW) -> Verdict:
        return self.web.carry(check_peer(self.checker, chain, PeerPurpose.ANY, now))


def optional(trust: Trust = TRUST) -> Trust:
    return replace(trust, crl_optional=True)


# ------------------------------------------------------------------------------- fetched, and kept


def test_the_crl_is_fetched_once_in_its_life(web: Web) -> None:
    desk = Desk(web)
    web.pages[POINT] = make_crl(CA)
    for now in (NOW, NOW, NOW + 6 * DAY - timedelta(seconds=1)):
        assert desk(now=now) == Good((PEER.certificate, CA.certificate), "myca")
    assert web.asked == [POINT]
    web.pages[POINT] = make_crl(CA, 5, made=NOW + 5 * DAY, due=NOW + 12 * DAY)
    verdict = desk(now=NOW + 6 * DAY)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED
    assert web.asked == [POINT, POINT]


def test_every_ca_of_the_path_is_asked(web: Web) -> None:
    sub = make_ca("sub", "CN=Sub", issuer=ROOT, serial_number=7)
    sub_with_point = make_identity(
        "sub", "CN=Sub", *sub.certificate.extensions, ext_crl_distribution_points(ROOT_POINT),
        issuer=ROOT, serial_number=7,
    )  # fmt: skip
    peer = peer_of(sub_with_point, POINT)
    desk = Desk(web, Trust("root", (ROOT.certificate,)))
    web.pages |= {POINT: make_crl(sub_with_point), ROOT_POINT: make_crl(ROOT)}
    chain = (peer, sub_with_point.certificate)
    assert desk(chain) == Good((*chain, ROOT.certificate), "root")
    assert web.asked == [POINT, ROOT_POINT]
    desk.checker.cache.clear()
    web.pages[ROOT_POINT] = make_crl(ROOT, 7, number=2)
    verdict = desk(chain)
    assert isinstance(verdict, Bad)
    assert (verdict.reason, "CN=Sub" in verdict.why) == (Reason.REVOKED, True)


def test_another_path_is_not_good_before_its_own_crls_are_asked(web: Web) -> None:
    """Two roots have certified one CA, and the first has revoked it."""
    other = make_ca("other-root", "CN=Other root")
    points = {ROOT.certificate: ROOT_POINT, other.certificate: "http://pub.lab/other.crl"}
    subs = [
        make_identity(
            "sub", "CN=Sub", *SUB.certificate.extensions, ext_crl_distribution_points(point),
            issuer=root, serial_number=7,
        )
        for root, point in ((ROOT, ROOT_POINT), (other, points[other.certificate]))
    ]  # fmt: skip
    chain = (peer_of(subs[0], POINT), *(each.certificate for each in subs))
    desk = Desk(web, optional(Trust("both", tuple(points))))
    web.pages |= {POINT: make_crl(subs[0]), ROOT_POINT: make_crl(ROOT, 7)}
    assert isinstance(desk(chain), Good)
    assert set(web.asked) == {POINT, *points.values()}
    web.pages[points[other.certificate]] = make_crl(other, 7)
    verdict = desk(chain)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED


def test_a_hundred_thousand_entries_within_a_second(web: Web) -> None:
    web.pages[POINT] = make_crl(CA, *range(1000, 101_000))
    took = []
    for _ in range(3):  # other programs share the machine
        started = process_time()
        assert isinstance(Desk(web)(), Good)
        took.append(process_time() - started)
    assert min(took) < 1


# --------------------------------------------------------------------------- what cannot be had


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("connection refused", "connection refused"),
        (503, "HTTP status 503"),
        (b"<html>", "what came is not a CRL"),
    ],
)
def test_without_a_crl_nobody_can_tell(web: Web, page: bytes | int | str, why: str) -> None:
    web.pages[POINT] = page
    sentence = f"the CRL of CN=Issuing could not be had from {POINT}: {why}"
    assert Desk(web)() == CannotTell(Reason.NO_CRL, sentence)
    assert isinstance(Desk(web, optional())(), Good)
    assert web.asked == [POINT, POINT]  # optional: it is tried all the same


def test_a_certificate_without_a_point_and_without_getcrl(web: Web) -> None:
    verdict = Desk(web)([peer_of(CA)])
    assert isinstance(verdict, CannotTell)
    assert (verdict.reason, web.asked) == (Reason.NO_CRL, [])
    assert "there is no CRL" in verdict.why


def test_revoked_is_bad_even_where_crls_are_optional(web: Web) -> None:
    web.pages[POINT] = make_crl(CA, 5)
    verdict = Desk(web, optional())()
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED


def test_the_points_are_tried_in_order_until_one_has_it(web: Web) -> None:
    points = ("ldap://dir.lab/CN=Issuing", "http://down.lab/ca.crl", POINT, "http://never.lab/ca.crl")
    web.pages |= {"http://down.lab/ca.crl": "timed out", POINT: make_crl(CA)}
    assert isinstance(Desk(web)([peer_of(CA, *points)]), Good)
    assert web.asked == ["http://down.lab/ca.crl", POINT]
    web.pages[POINT] = 404
    verdict = Desk(web)([peer_of(CA, *points)])
    assert isinstance(verdict, CannotTell)
    assert [part.rpartition(": ")[2] for part in verdict.why.split("; ")] == [
        "connection refused",
        "timed out",
        "HTTP status 404",
        "HTTP status 404",
    ]


def test_not_all_points_of_many_are_tried(web: Web) -> None:
    points = [f"http://pub.lab/{number}" for number in range(20)]
    assert isinstance(Desk(web)([peer_of(CA, *points)]), CannotTell)
    assert web.asked == points[:MOST_POINTS]


def test_what_a_point_is_called_moves_no_cursor_and_fills_no_screen(web: Web) -> None:
    verdict = Desk(web)([peer_of(CA, "http://x.lab/\x1b[2J" + "a" * 5000)])
    assert isinstance(verdict, CannotTell)
    assert verdict.why.isprintable()
    assert len(verdict.why) < 400


# ------------------------------------------------------------------------- CRLs not to be believed


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (make_crl(CA, key=make_identity("forger", "CN=forger")), Reason.CRL_NOT_BELIEVED),
        (make_crl(CA, made=NOW - 9 * DAY, due=NOW - DAY), Reason.STALE_CRL),
        (make_crl(CA, made=NOW + DAY), Reason.STALE_CRL),
        (make_crl(ROOT), Reason.NO_CRL),
    ],
    ids=["forged", "stale", "early", "another CA's"],
)
def test_a_spoilt_crl_tells_nothing_and_does_not_stay(web: Web, spoilt: bytes, reason: Reason) -> None:
    desk = Desk(web)
    web.pages[POINT] = spoilt
    verdict = desk()
    assert isinstance(verdict, CannotTell)
    assert verdict.reason is reason
    assert desk.checker.cache.all() == []
    web.pages[POINT] = make_crl(CA)
    assert isinstance(desk(), Good)


def test_after_a_spoilt_crl_the_next_point_is_tried(web: Web) -> None:
    web.pages |= {"http://evil.lab/": make_crl(CA, key=make_identity("forger", "CN=forger"))}
    web.pages[POINT] = make_crl(CA)
    assert isinstance(Desk(web)([peer_of(CA, "http://evil.lab/", POINT)]), Good)


def test_an_old_crl_played_back_does_not_hide_a_revocation(web: Web) -> None:
    desk = Desk(web)
    old, new = make_crl(CA, number=1), make_crl(CA, 5, made=NOW - timedelta(hours=1), number=2)
    web.pages[POINT] = new
    assert isinstance(desk(), Bad)
    web.pages[POINT] = old
    assert isinstance(desk(), Bad)
    assert web.asked == [POINT]


def test_two_checks_at_once_fetch_twice_and_agree(web: Web) -> None:
    desk = Desk(web)
    web.pages[POINT] = make_crl(CA)
    checks = [check_peer(desk.checker, [PEER.certificate], PeerPurpose.ANY, NOW) for _ in range(2)]
    requests = [next(each) for each in checks]
    verdicts = []
    for each, request in zip(checks, requests, strict=True):
        with pytest.raises(StopIteration) as done:
            each.send(web(request))
        verdicts.append(done.value.value)
    assert all(isinstance(each, Good) for each in verdicts)
    assert len(desk.checker.cache.all()) == 1


# ---------------------------------------------------------------------------------- several trustpoints


def test_a_stranger_makes_us_fetch_nothing(web: Web) -> None:
    stranger = make_ca("stranger", "CN=Stranger")
    verdict = Desk(web)([peer_of(stranger, POINT), stranger.certificate])
    assert isinstance(verdict, Bad)
    assert (verdict.reason, web.asked) == (Reason.NO_PATH, [])


def test_the_trustpoint_that_has_a_path_vouches(web: Web) -> None:
    web.pages[POINT] = make_crl(CA)
    desk = Desk(web, Trust("other", (ROOT.certificate,)), TRUST)
    assert desk() == Good((PEER.certificate, CA.certificate), "myca")


def test_one_trustpoint_that_finds_it_good_is_enough(web: Web) -> None:
    desk = Desk(web, replace(TRUST, name="strict"), optional())
    assert desk() == Good((PEER.certificate, CA.certificate), "myca")


@pytest.mark.parametrize("backwards", [False, True])
def test_the_most_telling_verdict_is_told(web: Web, backwards: bool) -> None:
    """Cannot tell is more than no path; revoked is most."""
    trusts = [Trust("other", (ROOT.certificate,)), TRUST, Trust("third", (SUB.certificate,))]
    trusts = trusts[::-1] if backwards else trusts
    desk = Desk(web, *trusts)
    stranger = desk([make_ca("stranger", "CN=Stranger").certificate])
    assert isinstance(stranger, Bad)
    assert stranger.why.endswith(f"to a CA of {trusts[0].name}")  # of those that say the same the first
    assert isinstance(desk(), CannotTell)
    web.pages[POINT] = make_crl(CA, 5)
    verdict = desk()
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED


def test_nothing_shown_and_nobody_trusted(web: Web) -> None:
    assert Desk(web)([]) == Bad(Reason.MALFORMED, "no certificate was shown")
    empty = Checker((), CrlCache(), GETTER)
    verdict = web.carry(check_peer(empty, [PEER.certificate], PeerPurpose.ANY, NOW))
    assert verdict == Bad(Reason.NO_PATH, "no trustpoint has a CA certificate")


# ------------------------------------------------------------------------------------------- a judge


@pytest.mark.parametrize(
    ("host", "why"),
    [("r2.lab", ""), ("", ""), ("r3.lab", "the certificate is for DNS:r2.lab, not for r3.lab")],
)
def test_a_judge_looks_at_the_name_that_was_called(web: Web, host: str, why: str) -> None:
    web.pages[POINT] = make_crl(CA)
    judge = judge_by(Checker((TRUST,), CrlCache(), GETTER), PeerPurpose.SERVER, NOW, host)
    verdict = web.carry(judge([PEER.certificate]))
    if why:
        assert verdict == Bad(Reason.NAME, why)
    else:
        assert isinstance(verdict, Good)
