"""Bundles that other people's programs have made, as a router reads them."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bundles.domain import forms
from router_emu.pki.pool.bundle import BundleRefused, read_bundle
from scep_core.certificates import Certificate
from tests.interop.jscep_client import java
from tests.programs import program, run
from tests.router_emu.pool_stage import EPOCH, built_in, shipped, signer

pytestmark = pytest.mark.interop


class Bench:
    """A folder with the members of a bundle, and its signer's certificate and key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.members = shipped()["full"].certificates
        (folder / "members.pem").write_text(forms.pem(self.members))
        who = signer()
        (folder / "signer.pem").write_text(forms.pem([who.certificate]))
        key = who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "signer.key").write_bytes(key)

    def openssl(self, command: str) -> bytes:
        """What OpenSSL writes; names of files in braces."""
        program("openssl")
        words = command.replace("{", f"{self.folder}/").replace("}", "")
        return run(f"openssl {words}").stdout

    def bag(self, options: str = "") -> bytes:
        """A degenerate PKCS #7."""
        bag = self.openssl(f"crl2pkcs7 -nocrl -certfile {{members.pem}} -outform DER {options}")
        (self.folder / "bag.p7b").write_bytes(bag)
        return bag

    def sign(self, options: str = "", file: str = "bag.p7b") -> bytes:
        self.bag()
        who = "-signer {signer.pem} -inkey {signer.key}"
        return self.openssl(
            f"cms -sign -nodetach -binary -in {{{file}}} {who} -md sha256 -outform DER {options}"
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ders(certificates: Sequence[Certificate]) -> list[bytes]:
    return sorted(each.der for each in certificates)


def read(data: bytes) -> Sequence[Certificate]:
    return read_bundle(data, built_in(), EPOCH).certificates


@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_openssls_bag(bench, form):
    bag = bench.openssl(f"crl2pkcs7 -nocrl -certfile {{members.pem}} -outform {form}")
    assert ders(read(bag)) == ders(bench.members)
    assert read_bundle(bag, built_in(), EPOCH).signer is None


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-stream",  # BER, of indefinite length
        "-outform PEM",
        "-outform PEM -stream",
        "-keyid",  # CMS version 3: the signer by key identifier
        "-econtent_type pkcs7-signedData",  # xipki's content type
        "-md sha384",
        "-nosmimecap",
        "-certfile {members.pem}",  # beside the signature: nobody's
    ],
    ids=["plain", "stream", "pem", "pem stream", "key id", "content type", "sha384", "no smime", "more"],
)
def test_a_bundle_that_openssl_has_signed(bench, options):
    bundle = read_bundle(bench.sign(options), built_in(), EPOCH)
    assert ders(bundle.certificates) == ders(bench.members)
    assert bundle.signer == signer().certificate


def test_concatenated_pem_that_openssl_has_signed(bench):
    assert ders(read(bench.sign(file="members.pem"))) == ders(bench.members)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("-nocerts", "the certificate of its signer is not in it"),
        ("-noattr", "its signature cannot be read"),
    ],
)
def test_a_signature_that_is_not_believed(bench, options, why):
    with pytest.raises(BundleRefused, match=why):
        read(bench.sign(options))


def test_a_bundle_with_two_signers(bench):
    """Which of them was to be certified?  Nobody says."""
    bench.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Other "
        "-keyout {other.key} -out {other.pem}"
    )
    with pytest.raises(BundleRefused, match="its signature cannot be read: 2 signers"):
        read(bench.sign("-signer {other.pem} -inkey {other.key}"))


def test_a_detached_signature_has_nothing_inside(bench):
    bench.bag()
    detached = bench.openssl(
        "cms -sign -binary -in {bag.p7b} -signer {signer.pem} -inkey {signer.key} -outform DER"
    )
    with pytest.raises(BundleRefused, match="its signature does not verify"):
        read(detached)


def test_openssls_printed_bag_is_pem_with_comments(bench):
    bench.bag()
    printed = bench.openssl("pkcs7 -inform DER -in {bag.p7b} -print_certs")
    assert b"subject=" in printed
    assert ders(read(printed)) == ders(bench.members)


def test_openssls_bag_with_a_crl_inside(bench, tmp_path):
    """The CRL is passed over."""
    configuration = tmp_path / "ca.cnf"
    configuration.write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={tmp_path}/index\ndefault_md=sha256\ndefault_crl_days=1\n"
    )
    (tmp_path / "index").touch()
    crl = bench.openssl(f"ca -gencrl -config {configuration} -cert {{signer.pem}} -keyfile {{signer.key}}")
    (tmp_path / "crl.pem").write_bytes(crl)
    bag = bench.openssl("crl2pkcs7 -in {crl.pem} -certfile {members.pem} -outform DER")
    assert ders(read(bag)) == ders(bench.members)


def test_certifis_roots_all_of_them():
    text = Path(certifi.where()).read_bytes()
    certificates = read(text)
    assert len(certificates) == text.count(b"BEGIN CERTIFICATE") > 100
    listed = text.decode().split("-----BEGIN CERTIFICATE-----")[1:]
    expected = (
        ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----" + each.partition("\n#")[0].strip())
        for each in listed
    )
    assert ders(certificates) == sorted(expected)


def test_certifis_roots_as_openssls_bag_signed_by_openssl(bench):
    (bench.folder / "members.pem").write_bytes(Path(certifi.where()).read_bytes())
    assert ders(read(bench.sign("-stream"))) == ders(read(Path(certifi.where()).read_bytes()))


JAVA = """
import java.io.*;
import java.security.cert.*;
import java.util.*;

public class Bag {
    public static void main(String[] arguments) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<Certificate> found = new ArrayList<>();
        try (InputStream in = new FileInputStream(arguments[0])) {
            found.addAll(factory.generateCertificates(in));
        }
        CertPath path = factory.generateCertPath(found);
        System.out.write(path.getEncoded(arguments[1]));
        System.out.flush();
    }
}
"""


def test_javas_bag(bench, tmp_path):
    """What a Java CA's CertPath is in PKCS #7."""
    (tmp_path / "Bag.java").write_text(JAVA)
    bag = run([program("java"), str(tmp_path / "Bag.java"), str(tmp_path / "members.pem"), "PKCS7"]).stdout
    assert ders(read(bag)) == ders(bench.members)


def test_bouncy_castles_ber(bench, tmp_path):
    """What Java's programs stream: indefinite lengths, the content in pieces, a bag in BER inside."""
    key = signer().key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "signer.der").write_bytes(key)
    command = [*java("BundleMaker.java"), str(tmp_path / "members.pem")]
    bag = run(command).stdout
    assert bag[1] == 0x80  # an indefinite length
    assert ders(read(bag)) == ders(bench.members)
    signed = run([*command, str(tmp_path / "signer.pem"), str(tmp_path / "signer.der")]).stdout
    assert signed[1] == 0x80
    bundle = read_bundle(signed, built_in(), EPOCH)
    assert (ders(bundle.certificates), bundle.signer) == (ders(bench.members), signer().certificate)
    with pytest.raises(BundleRefused, match="its signature does not verify"):
        read(signed.replace(bench.members[0].subject, bench.members[0].subject.swapcase()))


def test_keytools_export(bench, tmp_path):
    """RFC 7468 as keytool writes it, with its own ends of lines."""
    store = ["-keystore", str(tmp_path / "store.p12"), "-storepass", "sesame"]
    (tmp_path / "one.cer").write_bytes(bench.members[0].der)
    keytool = program("keytool")
    run([keytool, "-importcert", "-noprompt", "-alias", "one", "-file", str(tmp_path / "one.cer"), *store])
    text = run([keytool, "-exportcert", "-rfc", "-alias", "one", *store]).stdout
    assert list(read(text)) == [bench.members[0]]
    listed = run([keytool, "-J-Duser.language=en", "-list", "-rfc", *store]).stdout
    assert list(read(listed)) == [bench.members[0]]


@pytest.fixture
def nss(bench: Bench, tmp_path: Path) -> list[str]:
    """A database of NSS, the browser vendor's library, with the members as ca0, ca1 and so on."""
    certutil, database = program("certutil"), ["-d", f"sql:{tmp_path}"]
    run([certutil, "-N", "--empty-password", *database])
    for number, each in enumerate(bench.members):
        (tmp_path / "one.der").write_bytes(each.der)
        run([certutil, "-A", "-n", f"ca{number}", "-t", "C,,", "-i", str(tmp_path / "one.der"), *database])
    return database


def test_certutils_export(bench, nss):
    exported = (
        run([program("certutil"), "-L", "-n", f"ca{number}", "-a", *nss]).stdout
        for number in range(len(bench.members))
    )
    assert ders(read(b"".join(exported))) == ders(bench.members)


def test_cmsutils_bag(bench, nss):
    names = ",".join(f"ca{number}" for number in range(len(bench.members)))
    bag = run([program("cmsutil"), "-O", "-r", names, *nss]).stdout
    assert ders(read(bag)) == ders(bench.members)
