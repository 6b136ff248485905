"""CRLs that openssl's CA makes, as the router takes them: PEM and DER, about all certificates or a part."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from router_emu.pki.peers.checking import Checker, check_peer
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.peers.verdict import Bad, Good, PeerPurpose, Reason, Trust, Verdict
from scep_core.certificates import ext_crl_distribution_points, ext_key_usage
from sceplab.clock import wall_time
from tests.programs import program, run
from tests.router_emu.crl_stage import DAY, GETTER, POINT, Web
from tests.router_emu.pki_lab import make_ca, make_identity, pem_lines

pytestmark = pytest.mark.interop

# openssl dates its CRLs by the wall clock.
LIFE = (wall_time() - DAY, wall_time() + 30 * DAY)
CA = make_ca("openssl ca", "CN=openssl's CA", life=LIFE)
POINTS = ext_crl_distribution_points(POINT)
PEER = make_identity(
    "peer", "CN=r2", POINTS, ext_key_usage("digital_signature"), issuer=CA, serial_number=0x1001, life=LIFE
)

CONFIGURATION = """\
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_crl_days = 7
crl_extensions = {extensions}
[plain]
authorityKeyIdentifier = issuer:always
[scoped]
issuingDistributionPoint = critical, @point
[point]
fullname = URI:{point}
"""


class OpensslCa:
    """openssl's ``ca`` with the CA's key, in a folder."""

    def __init__(self, folder: Path, extensions: str) -> None:
        self.folder, self.openssl = folder, program("openssl")
        key = CA.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "ca.key").write_bytes(key)
        for name, certificate in (("ca.pem", CA.certificate), ("peer.pem", PEER.certificate)):
            (folder / name).write_text("\n".join([*pem_lines(certificate), ""]))
        text = CONFIGURATION.format(folder=folder, extensions=extensions, point=POINT)
        (folder / "ca.cnf").write_text(text)
        (folder / "index.txt").touch()
        (folder / "crlnumber").write_text("01\n")

    def __call__(self, *words: str) -> None:
        run([self.openssl, "ca", "-config", str(self.folder / "ca.cnf"), *words])

    def crl(self, form: str) -> bytes:
        pem = self.folder / "ca.crl"
        self("-gencrl", "-out", str(pem))
        return run([self.openssl, "crl", "-in", str(pem), "-outform", form]).stdout


def check(web: Web, cache: CrlCache) -> Verdict:
    checker = Checker((Trust("openssl", (CA.certificate,)),), cache, GETTER)
    return web.carry(check_peer(checker, [PEER.certificate], PeerPurpose.ANY, wall_time()))


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("extensions", ["plain", "scoped"])
@pytest.mark.parametrize("reason", ["unspecified", "keyCompromise"])
def test_openssls_crls(tmp_path: Path, form: str, extensions: str, reason: str) -> None:
    ca, web, cache = OpensslCa(tmp_path, extensions), Web(), CrlCache()
    web.pages[POINT] = ca.crl(form)
    assert isinstance(check(web, cache), Good)
    assert len(cache.all()) == 1
    ca("-revoke", str(tmp_path / "peer.pem"), "-crl_reason", reason)
    web.pages[POINT] = ca.crl(form)
    assert isinstance(check(web, cache), Good)  # by the one that is held
    verdict = check(web, CrlCache())
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED
