"""openssl checks certificates against our CRLs, and reads in them why and since when."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from ca_server.domain.authority import KeyKind, Shape
from ca_server.domain.crl_desk import Serving
from ca_server.domain.revocation import HOLD, Reason
from tests.ca_server.revocation_stage import START, Stage, authority, staged
from tests.programs import program, run

pytestmark = pytest.mark.interop

KEYS = (KeyKind.RSA_2048, KeyKind.EC_P256)
SHAPES = [Shape(key, with_root) for key, with_root in product(KEYS, (False, True))]
SINCE = datetime(2026, 2, 27, 8, 30, tzinfo=START.tzinfo)


class Desk:
    """A stage, and openssl in its folder."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.openssl = program("openssl")
        self.serial_number = stage.issue()
        by = stage.generations[0]
        issued = stage.desk.certificate(self.serial_number).der
        self.lay("root.pem", by.root.certificate.der)
        self.lay("ca.pem", by.ca.certificate.der)
        self.lay("issued.pem", issued)

    def lay(self, name: str, der: bytes) -> None:
        (self.folder / name).write_text(ssl.DER_cert_to_PEM_cert(der))

    def crl(self, name: str, now: datetime) -> Path:
        path = self.folder / f"{name}.crl"
        path.write_bytes(self.stage.desk.crl(name, now))
        return path

    def verify(self, *, status: int, now: datetime = START) -> str:
        """What openssl says of the certificate, given every CA's CRL, at an instant."""
        crls = self.folder / "crls.pem"
        crls.write_bytes(
            b"".join(
                run([self.openssl, "crl", "-inform", "der", "-in", str(self.crl(ca.name, now))]).stdout
                for ca in self.stage.succession().cas
            )
        )
        command = [self.openssl, "verify", "-x509_strict", "-crl_check", "-crl_check_all"]
        command += ["-attime", f"{now.timestamp() + 1:.0f}", "-CAfile", str(self.folder / "root.pem")]
        command += ["-CRLfile", str(crls), "-untrusted", str(self.folder / "ca.pem")]
        done = run([*command, str(self.folder / "issued.pem")], status=status)
        return (done.stdout + done.stderr).decode()

    def revoke(self, reason: Reason, **options: datetime) -> None:
        self.stage.desk.revoke(self.serial_number, reason=reason, by="operator", now=START, **options)


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape.key}{', with root' if shape.with_root else ''}")
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with staged(f"sqlite:///{tmp_path}/store.sqlite3", authority(request.param)) as stage:
        yield Desk(stage, tmp_path)


def test_good_held_released_revoked(desk: Desk) -> None:
    assert desk.verify(status=0).endswith("issued.pem: OK\n")
    desk.revoke(HOLD)
    assert "certificate revoked" in desk.verify(status=2)
    desk.stage.desk.release(desk.serial_number, by="operator", now=START)
    desk.verify(status=0)
    desk.revoke(Reason.KEY_COMPROMISE)
    assert "certificate revoked" in desk.verify(status=2)


def test_what_is_served_for_tests(desk: Desk) -> None:
    for serving, says in (
        (Serving.EXPIRED, "CRL has expired"),
        (Serving.WRONG_SIGNER, "CRL signature failure"),
    ):
        desk.stage.desk.set_serving(serving, by="operator", now=START)
        assert says in desk.verify(status=2)
    desk.stage.desk.set_serving(Serving.NORMAL, by="operator", now=START)
    desk.verify(status=0)
    desk.verify(status=0, now=START + timedelta(days=20))  # of a CRL that was made then


def test_the_text(desk: Desk) -> None:
    desk.revoke(Reason.CESSATION_OF_OPERATION, invalidity_date=SINCE)
    ca = desk.folder / "ca.pem"
    command = f"{desk.openssl} crl -inform der -in {desk.crl('ca-1', START)} -CAfile {ca} -noout -text"
    done = run(command)
    assert b"verify OK" in done.stderr
    text = done.stdout.decode()
    octets = desk.serial_number.to_bytes((desk.serial_number.bit_length() + 7) // 8, "big")
    for line in (
        "Next Update: Mar  9 00:00:00 2026 GMT",
        f"Serial Number: {octets.hex().upper()}",
        "Revocation Date: Mar  1 12:00:00 2026 GMT",
        "Cessation Of Operation",
        "Invalidity Date",
        "Feb 27 08:30:00 2026 GMT",
        "X509v3 CRL Number",
        "X509v3 Authority Key Identifier",
    ):
        assert line in text, line
