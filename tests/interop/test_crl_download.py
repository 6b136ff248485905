"""CRLs over HTTP, where certificates say: openssl and Java fetch them, curl asks as caches do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import Ca, RunCa, program, run

pytestmark = pytest.mark.interop

# Certificates with an http: URL, alone, behind an ldap: one, and before one; and some without any.
PROFILES = {"compat": True, "ndes": True, "both": True, "ldap-no-host": False, "directory-name": False}
SETTINGS = """
[profiles.both]
distribution_points = ["directory-name", "ldap-no-host", "http"]
"""
JAVA = """
import java.io.*;
import java.security.cert.*;
import java.util.*;

public class Check {
    public static void main(String[] files) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        TrustAnchor anchor = new TrustAnchor(read(factory, files[0]), null);
        PKIXParameters parameters = new PKIXParameters(Set.of(anchor));
        parameters.setRevocationEnabled(true);
        CertPath path = factory.generateCertPath(List.of(read(factory, files[1])));
        try {
            CertPathValidator.getInstance("PKIX").validate(path, parameters);
            System.out.print("good");
        } catch (CertPathValidatorException error) {
            System.out.print(error.getReason());
        }
    }

    static X509Certificate read(CertificateFactory factory, String file) throws Exception {
        try (InputStream in = new FileInputStream(file)) {
            return (X509Certificate) factory.generateCertificate(in);
        }
    }
}
"""


@dataclass
class Issued:
    """A certificate of a CA that runs, and what programs say of it."""

    ca: Ca
    folder: Path
    serial_number: str

    @property
    def files(self) -> tuple[str, str]:
        return str(self.folder / "ca.pem"), str(self.folder / "issued.pem")

    def openssl(self, *, status: int) -> str:
        authority, issued = self.files
        command = [program("openssl"), "verify", "-crl_check", "-crl_download", "-CAfile", authority, issued]
        done = run(command, status=status)
        return (done.stdout + done.stderr).decode()

    def java(self) -> str:
        (self.folder / "Check.java").write_text(JAVA)
        options = ["-Dcom.sun.security.enableCRLDP=true", "-Dcom.sun.security.crl.timeout=5"]
        return run([program("java"), *options, str(self.folder / "Check.java"), *self.files]).stdout.decode()


@pytest.fixture
def ca(run_ca: RunCa) -> Ca:
    return run_ca("--decide", "manual", settings=SETTINGS)


@pytest.fixture
def issue(ca: Ca, tmp_path: Path):
    """``issue(profile)``: a certificate, from a request that the operator brings."""
    openssl = program("openssl")
    ca.operator.serve_crls("normal")

    def issue(profile: str) -> Issued:
        folder = tmp_path / profile
        folder.mkdir()
        key, request = folder / "key.pem", folder / "request.pem"
        new = f"{openssl} req -new -newkey rsa:2048 -nodes -keyout {key} -out {request}"
        run(f"{new} -subj /O=lab/CN={profile}")
        brought = ca.operator.submit(request.read_text(), profile=profile)
        serial_number = ca.operator.approve(brought["id"])["serial_number"]
        (folder / "issued.pem").write_text(ca.operator.certificate(serial_number)["pem"])
        [generation] = ca.operator.ca()["generations"]
        [own] = [each["pem"] for each in generation["certificates"] if each["role"] == "ca"]
        (folder / "ca.pem").write_text(own)
        return Issued(ca, folder, serial_number)

    yield issue
    ca.operator.serve_crls("normal")


@pytest.mark.parametrize(("profile", "has_url"), PROFILES.items())
def test_openssl_downloads_it(issue, profile: str, has_url: bool) -> None:
    issued = issue(profile)
    if not has_url:  # it asks no directory
        assert "unable to get certificate CRL" in issued.openssl(status=2)
        return
    assert issued.openssl(status=0).endswith("issued.pem: OK\n")
    issued.ca.operator.revoke(issued.serial_number, "keyCompromise")
    assert "certificate revoked" in issued.openssl(status=2)


def test_openssl_judges_what_is_served_for_tests(issue) -> None:
    issued = issue("compat")
    for mode, status, says in (
        ("expired", 2, "CRL has expired"),
        ("wrong-signer", 2, "CRL signature failure"),
        ("missing", 2, "unable to get certificate CRL"),
        ("huge", 0, "OK"),
        ("normal", 0, "OK"),
    ):
        issued.ca.operator.serve_crls(mode)
        assert says in issued.openssl(status=status), mode


@pytest.mark.parametrize("profile", ["compat", "ndes"])
def test_java_downloads_it(issue, profile: str) -> None:
    """At ``ndes`` it asks a directory of its own machine first, where there is none."""
    issued = issue(profile)
    assert issued.java() == "good"
    issued.ca.operator.revoke(issued.serial_number)
    assert issued.java() == "REVOKED"


def test_java_judges_what_is_served_for_tests(issue) -> None:
    issued = issue("compat")
    cannot_tell = "UNDETERMINED_REVOCATION_STATUS"
    says = {"huge": "good", "expired": cannot_tell, "wrong-signer": cannot_tell, "missing": cannot_tell}
    for mode, said in says.items():
        issued.ca.operator.serve_crls(mode)
        assert issued.java() == said, mode


def test_curl_asks_again_for_nothing_that_it_has(issue, tmp_path: Path) -> None:
    scep = issue("compat").ca.scep
    curl, url, crl, tag = program("curl"), f"{scep}/crl/ca-1.crl", tmp_path / "ca.crl", tmp_path / "tag"

    def ask(*options: str) -> str:
        command = [curl, "-sS", "-o", str(crl), "-w", "%{http_code}", *options, url]
        return run(command).stdout.decode()

    assert ask("--etag-save", str(tag)) == "200"
    size = crl.stat().st_size
    assert ask("--etag-compare", str(tag)) == "304"
    shown = run([curl, "-sS", "-I", url]).stdout.decode().replace("\r", "").lower()
    for line in ("cache-control: no-cache", "content-type: application/pkix-crl", f"content-length: {size}"):
        assert line in shown
    assert "expires" not in shown
    assert (f"etag: {tag.read_text().strip()}") in shown
