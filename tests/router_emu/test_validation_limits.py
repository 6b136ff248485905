"""What a peer sends to make the router busy, or to make it fall over, and what all that costs."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from router_emu.pki.peers import paths
from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Verdict
from scep_core.certificates import Certificate, read_certificate
from scep_core.crls import RevokedEntry, build_crl, read_crl
from scep_core.values import Digest
from tests.vectors.chains.builder import Scene, key_of
from tests.vectors.chains.recipe import BORN, END, NOON, CertificateRecipe, row
from tests.vectors.chains.rows import ROWS, scene_of

GOOD = "a good chain"


def judged(scene: Scene, *chain: Certificate) -> Verdict:
    return check_chain(
        chain or scene.shown, PeerPurpose.ANY, NOON, ROWS[GOOD].trust(scene.certificates), scene.crls
    )


def scene_with(**certificates: CertificateRecipe) -> Scene:
    return Scene(row("a scene", **certificates))


def test_without_crls_nobody_asks_what_is_revoked() -> None:
    named, scene = scene_of("the leaf revoked")
    trust = named.trust(scene.certificates)
    assert check_chain(scene.shown, PeerPurpose.ANY, NOON, trust, None) == Good(scene.path, "lab")


def test_nothing_shown_is_bad() -> None:
    scene = scene_of(GOOD)[1]
    verdict = check_chain([], PeerPurpose.ANY, NOON, ROWS[GOOD].trust(scene.certificates), scene.crls)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.MALFORMED


def test_certificates_beyond_the_limit_are_not_looked_at() -> None:
    scene = scene_of(GOOD)[1]
    leaf, sub = scene.shown
    stranger = scene_with(stranger=CertificateRecipe("stranger", ca=True)).certificates["stranger"]
    rubbish = [
        replace(stranger, der=stranger.der + bytes([number])) for number in range(paths.MOST_CERTIFICATES)
    ]
    assert isinstance(judged(scene, leaf, *rubbish[2:], sub), Good)
    assert isinstance(judged(scene, leaf, *rubbish, sub), Bad)


def test_no_path_comes_by_the_same_name_and_key_twice() -> None:
    _row, scene = scene_of("two CAs that certified each other, trusted on the other side")
    found = paths.candidate_paths(scene.shown, [scene.certificates["other"]], [])
    assert list(found) == [scene.path]


def test_cas_that_have_all_certified_each_other_end_the_search() -> None:
    """Thirty-one keys with the leaf's issuer's name, each of which could be above every other."""
    others = {
        f"k{number}": CertificateRecipe("sub", subject="sub", ca=True)
        for number in range(paths.MOST_CERTIFICATES - 1)
    }
    scene = scene_with(**others)
    leaf = scene.certificates["leaf"]
    verdict = judged(scene, leaf, *(scene.certificates[label] for label in others))
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.NO_PATH


def test_a_certificate_larger_than_any_real_one_is_malformed() -> None:
    octets = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.55555.9"), bytes(paths.LARGEST_CERTIFICATE)
    )
    scene = Scene(row("a large leaf", leaf={"extensions": [(octets, False)]}))
    verdict = judged(scene)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.MALFORMED
    scene = Scene(row("a large sub-CA", sub={"extensions": [(octets, False)]}))
    verdict = judged(scene)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.NO_PATH


def test_a_sentence_moves_no_cursor_and_stays_short() -> None:
    for subject in ("r1\x1b[2J\r\nroot", "x" * 100_000):
        verdict = judged(scene_of(GOOD)[1], *_alone(subject))
        assert isinstance(verdict, Bad)
        assert verdict.why.isprintable()
        assert len(verdict.why) < 500


def _alone(subject: str) -> list[Certificate]:
    scene = scene_with(alone=CertificateRecipe("nobody", subject=subject))
    return [scene.certificates["alone"]]


@pytest.mark.parametrize("at", [0, 1])
@given(data=st.data())
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
def test_a_damaged_certificate_is_never_good(at: int, data: st.DataObject) -> None:
    scene = scene_of(GOOD)[1]
    damaged = bytearray(scene.shown[at].der)
    where = data.draw(st.integers(0, len(damaged) - 1))
    damaged[where] ^= data.draw(st.integers(1, 255))
    try:
        certificate = read_certificate(bytes(damaged))
    except ValueError:
        return  # whoever took the chain apart has refused it
    chain = [certificate if index == at else each for index, each in enumerate(scene.shown)]
    assert not isinstance(judged(scene, *chain), Good)


@given(data=st.data())
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
def test_a_damaged_crl_tells_nothing(data: st.DataObject) -> None:
    named, scene = scene_of("the CRL of the leaf's distribution point")
    root_crl, sub_crl = scene.crls
    damaged = bytearray(sub_crl.der)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        crls = [root_crl, read_crl(bytes(damaged))]
    except ValueError:
        return
    verdict = check_chain(scene.shown, named.purpose, NOON, named.trust(scene.certificates), crls)
    assert isinstance(verdict, CannotTell)


def test_a_refused_signature_does_not_disturb_the_next_tls_call() -> None:
    """It leaves an error in OpenSSL's queue, which both share."""
    client, server = tls_connections()
    judged(scene_of("the leaf's signature tampered with")[1])
    with pytest.raises(SSL.WantReadError):
        client.recv(1)
    server.send(b"x")
    client.bio_write(server.bio_read(1000))
    assert client.recv(1) == b"x"


def tls_connections() -> tuple[SSL.Connection, SSL.Connection]:
    """A client's and a server's, which have shaken hands in memory."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_privatekey(key_of("root", "ec"))
    context.use_certificate(x509.load_der_x509_certificate(scene_of(GOOD)[1].certificates["root"].der))
    client, server = SSL.Connection(context, None), SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    for here, there in [(client, server), (server, client)] * 3:
        with suppress(SSL.WantReadError):
            here.do_handshake()
        with suppress(SSL.WantReadError):
            there.bio_write(here.bio_read(10_000))
    return client, server


@pytest.mark.slow
def test_a_hundred_thousand_revoked_certificates_are_looked_through_within_a_second() -> None:
    named, scene = scene_of(GOOD)
    sub = scene.certificates["sub"]
    entries = [RevokedEntry(number, BORN, 1) for number in range(1, 100_001)]
    entries.append(RevokedEntry(scene.shown[0].serial_number, BORN + timedelta(days=1)))
    der = build_crl(
        issuer=sub.subject,
        key=key_of("sub", "ec"),  # type: ignore[arg-type]
        digest=Digest.SHA256,
        this_update=BORN,
        next_update=END,
        revoked=entries,
        number=2,
        authority_key_id=b"sub",
    )
    crls = [scene.crls[0], read_crl(der)]
    before = time.perf_counter()
    verdict = check_chain(scene.shown, PeerPurpose.ANY, NOON, named.trust(scene.certificates), crls)
    assert time.perf_counter() - before < 1
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED
