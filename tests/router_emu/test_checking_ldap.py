"""CRLs from a directory: whom the router asks, for what, what of the answer counts, and why it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from router_emu.pki.peers.checking import Checker, check_peer
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.peers.crl_fetch import LARGEST_ENTRY
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict
from router_emu.pki.wire import LdapEntries, LdapEntry, LdapScope, LdapSearch, Limits
from scep_core import asn1, names
from scep_core.certificates import (
    CRL_DISTRIBUTION_POINTS,
    Certificate,
    Extension,
    ext_basic_constraints,
    ext_crl_distribution_points,
)
from tests.router_emu.crl_stage import DAY, GETTER, NOW, POINT, Attributes, Web, make_crl, scope
from tests.router_emu.pki_lab import make_ca, make_identity
from tests.router_emu.test_ldap_url import AD_CS

CA = make_ca("ca", "CN=Issuing,O=Lab")
DN = "O=Lab,CN=Issuing"  # as RFC 4514 writes it
URL = f"ldap://dir.lab:3890/{DN}"
CRL, ARL = "certificateRevocationList", "authorityRevocationList"
BINARY = f"{CRL};binary"
TRUST = Trust("myca", (CA.certificate,))
AT_DIRECTORY = replace(TRUST, query_url="ldap://q.lab")


def peer(*points: str | bytes, extensions: Sequence[Extension] = (), is_ca: bool = False) -> Certificate:
    extensions = [ext_crl_distribution_points(*points)] if points else extensions
    constraints = [ext_basic_constraints(True)] if is_ca else []
    return make_identity("peer", "CN=r2", *constraints, *extensions, issuer=CA, serial_number=5).certificate


class Desk:
    """A checker over a web with directories."""

    def __init__(self, *trusts: Trust, **entries: dict[str, Attributes | LdapEntries]) -> None:
        self.web = Web()
        self.web.entries = {"dir.lab:3890": {}, "q.lab:389": {}}
        self.checker = Checker(trusts or (TRUST,), CrlCache(), GETTER)

    def __call__(self, certificate: Certificate, *, days: float = 0) -> Verdict:
        now = NOW + timedelta(days=days)
        return self.web.carry(check_peer(self.checker, [certificate], PeerPurpose.ANY, now))

    def put(self, *crls: bytes, name: str = DN, attribute: str = BINARY, at: str = "dir.lab:3890") -> None:
        self.web.entries[at][name] = {attribute: list(crls)}

    @property
    def asked(self) -> list[tuple[str, str, tuple[str, ...]]]:
        return [(each.host, each.base, each.attributes) for each in self.web.searches]


def reason(verdict: Verdict) -> Reason:
    assert isinstance(verdict, Bad | CannotTell)
    return verdict.reason


# ----------------------------------------------------------------------------------- found, and kept


def test_the_crl_is_searched_once_in_its_life() -> None:
    desk = Desk()
    desk.put(make_crl(CA))
    certificate = peer(URL)
    for days in (0, 0, 5.9):
        assert isinstance(desk(certificate, days=days), Good)
    assert desk.web.searches == [
        LdapSearch("dir.lab", 3890, DN, (BINARY,), limits=Limits(body=LARGEST_ENTRY))
    ]
    desk.put(make_crl(CA, 5, made=NOW + 5 * DAY, due=NOW + 12 * DAY))
    assert reason(desk(certificate, days=6)) is Reason.REVOKED
    assert len(desk.web.searches) == 2


@pytest.mark.parametrize(
    ("point", "base"),
    [
        (f"ldap:///{DN}", DN),
        (f"ldap://{DN}", DN),  # Cisco's: labs.md 6.2
        (CA.certificate.subject, DN),
        ("ldap:///", "CN=of the query url"),
        (AD_CS, names.rfc4514(names.build_name(names.parse_text(
            "DC=example,DC=scep-lab,CN=Configuration,CN=Services,CN=Public Key Services,CN=CDP,CN=scep-lab,"
            "CN=ca-1"
        )))),
    ],
    ids=["host-less", "Cisco's", "directory name", "nothing at all", "AD CS"],
)  # fmt: skip
def test_the_query_url_is_asked_where_the_point_names_no_server(point: str | bytes, base: str) -> None:
    desk = Desk(replace(TRUST, query_url="ldap://q.lab/CN=of%20the%20query%20url"))
    attribute = CRL if point == AD_CS else BINARY
    desk.put(make_crl(CA, 5), name=base, attribute=attribute, at="q.lab:389")
    assert reason(desk(peer(point))) is Reason.REVOKED
    assert desk.asked == [("q.lab", base, (attribute,))]


def test_a_name_relative_to_the_crls_issuer_is_one_below_it() -> None:
    rdn = asn1.sequence_of(asn1.oid(names.COMMON_NAME), asn1.printable_string("crl 1"))
    point = asn1.sequence_of(asn1.encode(0xA0, asn1.encode(0xA1, rdn)))
    extension = Extension(CRL_DISTRIBUTION_POINTS, False, asn1.sequence_of(point))
    desk = Desk(AT_DIRECTORY)
    desk.put(make_crl(CA, 5), name=f"CN=crl 1,{DN}", at="q.lab:389")
    assert reason(desk(peer(extensions=[extension]))) is Reason.REVOKED


def test_a_points_own_server_goes_before_the_query_url() -> None:
    desk = Desk(AT_DIRECTORY)
    desk.put(make_crl(CA))
    assert isinstance(desk(peer(URL)), Good)
    assert [each.host for each in desk.web.searches] == ["dir.lab"]


def test_each_trustpoint_asks_its_own_directory() -> None:
    desk = Desk(replace(AT_DIRECTORY, name="first", query_url="ldap://down.lab"), AT_DIRECTORY)
    desk.put(make_crl(CA), at="q.lab:389")
    assert desk(peer(f"ldap:///{DN}")) == Good((peer(f"ldap:///{DN}"), CA.certificate), "myca")
    assert [each.host for each in desk.web.searches] == ["down.lab", "q.lab"]


def test_scope_and_filter_are_the_urls() -> None:
    desk = Desk()
    desk.put(make_crl(CA), attribute=CRL)
    assert isinstance(desk(peer(f"{URL}?{CRL}?sub?(cn=*)")), Good)
    [search] = desk.web.searches
    assert (search.scope, search.filter, search.attributes) == (LdapScope.SUB, "(cn=*)", (CRL,))


@pytest.mark.parametrize("shown", [CRL, BINARY, "2.5.4.39", "CERTIFICATErevocationLIST;Binary"])
@pytest.mark.parametrize("asked", ["", f"?{CRL}", f"?{BINARY}", "?2.5.4.39"])
def test_the_attribute_counts_however_it_is_called(shown: str, asked: str) -> None:
    desk = Desk()
    entry = LdapEntry(DN, ((shown, (make_crl(CA),)),))
    desk.web.entries["dir.lab:3890"][DN] = LdapEntries((entry,))
    assert isinstance(desk(peer(URL + asked)), Good)
    assert len(desk.web.searches) == 1


@pytest.mark.parametrize(("asked", "shown"), [("", CRL), (f"?{CRL}", BINARY)])
def test_a_server_that_knows_one_name_only_is_asked_by_the_other(asked: str, shown: str) -> None:
    desk = Desk()
    desk.put(make_crl(CA), attribute=shown)
    assert isinstance(desk(peer(URL + asked)), Good)
    assert len(desk.web.searches) == 2


def test_a_cas_certificate_may_be_in_the_authority_list() -> None:
    desk = Desk()
    desk.put(make_crl(CA, 5), attribute=f"{ARL};binary")
    assert reason(desk(peer(URL, is_ca=True))) is Reason.REVOKED
    assert desk.asked == [("dir.lab", DN, (BINARY, f"{ARL};binary"))]


def test_the_authority_list_hides_nobody_elses_revocation() -> None:
    desk = Desk()
    desk.put(make_crl(CA, number=9), attribute=f"{ARL};binary")
    assert reason(desk(peer(URL))) is Reason.NO_CRL


def test_of_several_generations_the_one_that_verifies_counts() -> None:
    """The CA has changed its key and kept its name; its entry holds both keys' lists, and an older one."""
    before = make_ca("before", "CN=Issuing,O=Lab")
    lists = [
        make_crl(before),
        make_crl(CA, 5, number=2),
        b"no CRL",
        make_crl(CA, number=1, made=NOW - 2 * DAY),
    ]
    for order in (lists, lists[::-1]):
        desk = Desk()
        desk.put(*order)
        assert reason(desk(peer(URL))) is Reason.REVOKED
        assert make_crl(CA, 5, number=2) in [each.crl.der for each in desk.checker.cache.all()]


def test_parts_for_users_and_for_cas_serve_each_their_own() -> None:
    desk = Desk()
    parts = [scope_of(0x81), scope_of(0x82)]
    desk.put(*(make_crl(CA, serial, extensions=[part]) for serial, part in zip((6, 5), parts, strict=True)))
    assert isinstance(desk(peer(URL)), Good)
    assert reason(desk(peer(URL, is_ca=True))) is Reason.REVOKED


def test_what_is_held_for_others_keeps_nobody_from_asking() -> None:
    users, cas = (make_crl(CA, extensions=[scope_of(tag)]) for tag in (0x81, 0x82))
    desk = Desk()
    desk.web.entries["dir.lab:3890"][DN] = {BINARY: [users], f"{ARL};binary": [cas]}
    assert isinstance(desk(peer(URL)), Good)
    assert isinstance(desk(peer(URL, is_ca=True)), Good)
    assert [each.crl.der for each in desk.checker.cache.all()] == [users, cas]
    assert len(desk.web.searches) == 2


def test_after_a_crl_of_another_scope_the_next_point_is_asked() -> None:
    desk = Desk()
    desk.put(make_crl(CA, extensions=[scope_of(0x82)]))
    desk.web.pages[POINT] = make_crl(CA, 5, number=2)
    assert reason(desk(peer(URL, POINT))) is Reason.REVOKED


def scope_of(tag: int) -> Extension:
    """onlyContainsUserCerts is 0x81, onlyContainsCACerts 0x82."""
    extension = scope()
    return replace(extension, value=asn1.sequence_of(asn1.encode(tag, b"\xff")))


# ----------------------------------------------------------------------------- what cannot be told


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (LdapEntries(result=32), "there is no such entry (noSuchObject)"),
        (LdapEntries(), "no entry is found"),
        (LdapEntries((LdapEntry(DN, ()),)), f"the entry has no {CRL}"),
        (LdapEntries((LdapEntry(DN, (("cACertificate;binary", (b"x",)),)),)),
         f"the entry has no {CRL}, but cACertificate;binary"),
        (LdapEntries((LdapEntry(DN, tuple((f"a{number}", ()) for number in range(9, 0, -1))),)),
         f"the entry has no {CRL}, but a1, a2, a3, a4 and 5 more"),
        (LdapEntries(result=51, text="later"), "the directory answers busy: later"),
        (LdapEntries(result=3), "the directory answers timeLimitExceeded"),
        (LdapEntries(result=10, referrals=("ldap://b/", "ldap://c/")),
         "the directory refers to ldap://b/, ldap://c/, which is not followed"),
        (LdapEntries(referrals=("ldap://b/",)), "the directory refers to ldap://b/, which is not followed"),
        (LdapEntries((LdapEntry(DN, ((CRL, (b"<html>",)),)),)), "what came is not a CRL"),
    ],
    ids=["no-entry", "nothing", "no-attribute", "wrong", "many", "busy", "time", "referral", "references",
         "junk"],
)  # fmt: skip
def test_why_a_directory_tells_nothing(answer: LdapEntries, why: str) -> None:
    desk = Desk(TRUST)
    desk.web.entries["dir.lab:3890"][DN] = answer
    sentence = f"the CRL of {DN} could not be had from {URL}: {why}"
    assert desk(peer(URL)) == CannotTell(Reason.NO_CRL, sentence)
    optional = Desk(replace(TRUST, crl_optional=True))
    optional.web.entries = desk.web.entries
    assert isinstance(optional(peer(URL)), Good)


@pytest.mark.parametrize(
    ("query_url", "point", "why"),
    [
        ("", f"ldap:///{DN}", "it names no directory server, and there is no query url"),
        ("ldap:///O=Lab", f"ldap:///{DN}", "the query url cannot be used: it is no ldap://host"),
        ("ldaps://q.lab", f"ldap:///{DN}", "the query url cannot be used: it is no ldap://host"),
        ("ldap://down.lab:3890", f"ldap:///{DN}", "down.lab:3890: connection refused"),
        ("", "ldap://dir.lab", "it names no entry"),
        ("", f"ldap://dir.lab:x/{DN}", "the URL's port cannot be read"),
        ("", f"ldaps://dir.lab/{DN}", "CRLs are fetched by http and by ldap only"),
        ("", f"ldap://down.lab/{DN}", "connection refused"),
    ],
)
def test_nobody_to_ask(query_url: str, point: str, why: str) -> None:
    verdict = Desk(replace(TRUST, query_url=query_url))(peer(point))
    assert verdict == CannotTell(Reason.NO_CRL, f"the CRL of {DN} could not be had from {point}: {why}")


@pytest.mark.parametrize(
    ("crl", "wanted"),
    [
        (make_crl(CA, key=make_ca("forger")), Reason.CRL_NOT_BELIEVED),
        (make_crl(CA, made=NOW - 9 * DAY, due=NOW - DAY), Reason.STALE_CRL),
        (make_crl(make_ca("other", "CN=Other")), Reason.NO_CRL),
        (make_crl(CA, extensions=[scope("ldap://elsewhere.lab/O=Lab")]), Reason.NO_CRL),
    ],
    ids=["forged", "stale", "another issuer's", "another scope"],
)
def test_a_crl_that_does_not_count(crl: bytes, wanted: Reason) -> None:
    desk = Desk()
    desk.put(crl)
    assert reason(desk(peer(URL))) is wanted


def test_the_next_point_is_asked_when_the_directory_is_of_no_use() -> None:
    desk = Desk()
    desk.web.pages[POINT] = make_crl(CA, 5)
    assert reason(desk(peer(URL, POINT))) is Reason.REVOKED
    assert desk.web.asked == [POINT]
