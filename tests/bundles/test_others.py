"""The shipped bundles and certificates, by Java's eyes and by a linter's."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from bundles.domain.builder import Bundle
from tests.bundles.stage import Stage
from tests.programs import REQUIRED, program, run

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "build" / "pkilint" / "bin" / "python"
REPORT = ROOT / "tests" / "interop" / "pkilint_folder.py"

READABLE = (
    "full-unsigned",
    "ber-unsigned",
    "armoured-unsigned",
    "full-pem",
    "comments",
    "certifi-pem",
    "single",
)


@pytest.mark.parametrize("name", READABLE)
def test_java_reads_as_many_certificates_as_there_are(tmp_path, built, name):
    (tmp_path / "bundle").write_bytes(built[name].content)
    said = run([program("keytool"), "-J-Duser.language=en", "-printcert", "-file", str(tmp_path / "bundle")])
    assert said.stdout.count(b"Owner: ") == len(built[name].certificates)


@pytest.mark.parametrize("name", ["full", "ber"])
def test_java_sees_the_signer_of_a_signed_one(tmp_path, built, name):
    (tmp_path / "bundle").write_bytes(built[name].content)
    said = run([program("keytool"), "-J-Duser.language=en", "-printcert", "-file", str(tmp_path / "bundle")])
    assert said.stdout.count(b"Owner: CN=Lab Trusted Root Store Signer, O=scep-lab") == 1


def test_the_linter_has_nothing_to_say(tmp_path, folder, built: dict[str, Bundle]):
    if not PYTHON.exists():
        missing = f"pkilint is not installed in {PYTHON.parents[1]} (make pkilint)"
        pytest.fail(missing) if REQUIRED else pytest.skip(missing)
    stage = Stage(folder, ("lab",))
    lint = tmp_path / "lint"
    lint.mkdir()
    (lint / "crl.crl").write_bytes(stage.get("/crl/lab-root-m1.crl").data)
    _, _, pem = (folder / "https.pem").read_text().partition("-----END PRIVATE KEY-----")
    (lint / "https.cer").write_bytes(ssl.PEM_cert_to_DER_cert(pem.strip()))
    ours = {name: bundle for name, bundle in built.items() if not name.startswith("certifi")}
    for name, bundle in ours.items():
        for number, each in enumerate(
            (*bundle.certificates[:12], *([bundle.signer] if bundle.signer else []))
        ):
            (lint / f"{name}-{number}.cer").write_bytes(each.der)
    told = json.loads(run([str(PYTHON), str(REPORT), str(lint), "WARNING"]).stdout)
    assert len(told) > 100
    found = {name: text for name, text in told.items() if text}
    # The one thing that a server on the own machine has to be called.
    assert 'Invalid domain name syntax: "localhost"' in found.pop("https.cer")
    assert found == {}
