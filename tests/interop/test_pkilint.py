"""pkilint finds no error, and nothing to warn of, in any kind of certificate and CRL that the CA makes."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateRevocationListBuilder, Name

from ca_server.domain.authority import KeyKind, Shape
from ca_server.domain.places import PointKind
from ca_server.domain.revocation import Reason
from scep_core import asn1, names
from scep_core.certificates import (
    CLIENT_AUTH,
    build_certificate,
    ext_extended_key_usage,
    ext_key_usage,
    ext_subject_alt_name,
)
from scep_core.values import Digest
from tests.ca_server.revocation_stage import START, authority, certify, rsa_key, staged
from tests.programs import REQUIRED, run

pytestmark = pytest.mark.interop

PYTHON = Path(__file__).parents[2] / "build" / "pkilint" / "bin" / "python"
KEYS = (KeyKind.RSA_2048, KeyKind.EC_P256)
SHAPES = [Shape(key, with_root) for key, with_root in product(KEYS, (False, True))]

# The subject of a Cisco router: no common name, and three attributes in one RDN (scep.md 3.2).
CISCO = asn1.sequence_of(
    asn1.set_of([asn1.sequence_of(asn1.oid("2.5.4.11"), asn1.printable_string("cml.lab"))]),
    asn1.set_of(
        [
            asn1.sequence_of(asn1.oid("2.5.4.5"), asn1.printable_string("131184645")),
            asn1.sequence_of(asn1.oid("1.2.840.113549.1.9.2"), asn1.encode(0x16, b"r1.cml.lab")),
            asn1.sequence_of(asn1.oid("1.2.840.113549.1.9.8"), asn1.printable_string("192.0.2.1")),
        ]
    ),
)
DNS_NAME = ext_subject_alt_name([("DNS", b"r1.lab"), ("IP", bytes([192, 0, 2, 1]))])
REQUESTS = {
    "plain": {},
    "signature": {"extensions": (ext_key_usage("digital_signature", critical=False),)},
    "encryption": {"extensions": (ext_key_usage("key_encipherment", critical=False),)},
    "purposes": {"extensions": (ext_extended_key_usage(CLIENT_AUTH), DNS_NAME)},
    "nameless": {"subject": names.build_name([]), "extensions": (DNS_NAME,)},
    "cisco": {"subject": CISCO, "extensions": (DNS_NAME,)},
    "all-points": {"points": tuple(PointKind)},
    **{str(kind): {"points": (kind,)} for kind in PointKind},
    "after-2049": {"now": START.replace(year=2035), "lifetime": timedelta(days=7300)},
}


def lay_certificates(folder: Path) -> None:
    """Each CA's own certificates, and one of each kind that it issues."""
    for number, shape in enumerate(SHAPES):
        by = authority(shape)
        own = {ca.name: ca.certificate for ca in by.cas}
        own |= {"ra-signing": by.ra_signing.certificate, "ra-encryption": by.ra_encryption.certificate}
        issued = {name: certify(by, **options) for name, options in REQUESTS.items()}
        for name, certificate in (own | issued).items():
            (folder / f"{number}-{name}.cer").write_bytes(certificate.der)


def lay_crls(folder: Path) -> None:
    """Each CA's CRLs: with nothing, and with every reason, a hold and an invalidity date."""
    for number, shape in enumerate(SHAPES):
        with staged(f"sqlite:///{folder}/{number}.sqlite3", authority(shape)) as stage:

            def lay(name: str, stage=stage, number=number) -> None:
                for crl in stage.desk.current_crls(START):
                    (folder / f"{number}-{crl.issuer}-{name}.crl").write_bytes(crl.der)

            lay("empty")
            for reason in set(Reason) - {Reason.REMOVE_FROM_CRL}:
                stage.desk.revoke(
                    stage.issue(),
                    reason=reason,
                    invalidity_date=START - timedelta(hours=1) if reason is Reason.KEY_COMPROMISE else None,
                    by="operator",
                    now=START,
                )
            lay("full")


def lay_bad(folder: Path) -> None:
    """A certificate and a CRL that lack what they must have: a linter that sees nothing would be seen."""
    name = names.build_name([[(names.COMMON_NAME, "bad")]])
    ca = authority().ca.certificate
    bad = build_certificate(
        serial_number=0,
        issuer=ca.subject,
        subject=name,
        public_key_info=ca.public_key_info,
        not_before=START,
        not_after=START,
        extensions=[ext_key_usage("key_cert_sign")],
        key=rsa_key(1),
        digest=Digest.SHA256,
    )
    (folder / "bad.cer").write_bytes(bad.der)
    unnumbered = (
        CertificateRevocationListBuilder()
        .issuer_name(Name([]))
        .last_update(START)
        .next_update(START + timedelta(days=1))
        .sign(rsa_key(1), SHA256())
    )
    (folder / "bad.crl").write_bytes(unnumbered.public_bytes(Encoding.DER))


def test_pkilint_finds_nothing(tmp_path: Path) -> None:
    if not PYTHON.exists():
        missing = f"pkilint is not installed in {PYTHON.parents[1]} (make pkilint)"
        pytest.fail(missing) if REQUIRED else pytest.skip(missing)
    for lay in (lay_certificates, lay_crls, lay_bad):
        lay(tmp_path)
    script = Path(__file__).with_name("pkilint_folder.py")
    reports = json.loads(run([str(PYTHON), str(script), str(tmp_path), "WARNING"]).stdout)
    assert "authority_key_identifier" in reports.pop("bad.cer")
    assert "crl_number" in reports.pop("bad.crl")
    assert len(reports) >= 4 * len(SHAPES)
    assert {name: text for name, text in reports.items() if text} == {}
