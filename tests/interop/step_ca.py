"""step-ca's files and its process: a root, an issuing CA, and one SCEP provisioner on plain HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.programs import program, run

DES, AES128 = 0, 1
"""What it enciphers its answers with, as it numbers the ciphers; single DES is its default."""


@dataclass(frozen=True)
class StepCa:
    """The program, and the folder with its keys and settings."""

    program: Path
    folder: Path

    @contextmanager
    def serve(self, **settings: Any) -> Iterator[str]:
        """Run it with these settings of its provisioner; the provisioner's URL."""
        with socket.create_server(("127.0.0.1", 0)) as probe:  # it cannot say which port it took
            where = f"127.0.0.1:{probe.getsockname()[1]}"
        configuration = {
            "root": str(self.folder / "root.pem"),
            "crt": str(self.folder / "ca.pem"),
            "key": str(self.folder / "ca.key"),
            "address": "127.0.0.1:0",
            "insecureAddress": where,
            "dnsNames": ["localhost"],
            "authority": {"provisioners": [{"type": "SCEP", "name": "lab", **settings}]},
        }
        (self.folder / "ca.json").write_text(json.dumps(configuration))
        log = (self.folder / "step-ca.log").open("ab")
        with log, subprocess.Popen([self.program, self.folder / "ca.json"], stdout=log, stderr=log) as server:
            try:
                again = "--retry 9 --retry-connrefused --retry-delay 1"
                run(f"{program('curl')} -fsS {again} http://{where}/scep/lab?operation=GetCACaps")
                yield f"http://{where}/scep/lab"
            finally:
                server.kill()


def make(program: Path, folder: Path) -> StepCa:
    """A root that issued the CA, both with RSA keys of 2048 bits."""
    folder.mkdir()
    root_key, ca_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    (folder / "root.pem").write_bytes(_certificate("step root", root_key.public_key(), root_key))
    (folder / "ca.pem").write_bytes(_certificate("step ca", ca_key.public_key(), root_key))
    key = ca_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ca.key").write_bytes(key)
    return StepCa(program, folder)


def _certificate(name: str, key: rsa.RSAPublicKey, signer: rsa.RSAPrivateKey) -> bytes:
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (name, "step root"))
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)
