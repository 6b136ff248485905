"""strongSwan's `pki` in a folder, at one URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from tests.programs import program, run


@dataclass(frozen=True)
class Authorities:
    """What `pki --scepca` has written: the CAs from the root on, and the RAs when there are any."""

    cas: tuple[Path, ...]
    ras: tuple[Path, ...]

    def who_may(self, usage: str) -> Path:
        """Whose certificate to use: an RA's, by its key usage, or the CA's that issues."""
        return next((each for each in self.ras if usage in key_usages(each)), self.cas[-1])


def key_usages(file: Path) -> set[str]:
    usage = x509.load_pem_x509_certificate(file.read_bytes()).extensions.get_extension_for_class(
        x509.KeyUsage
    )
    names = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign")
    return {name for name in names if getattr(usage.value, name)}


@dataclass(frozen=True)
class Pki:
    """strongSwan's pki in a folder, at one URL."""

    program: str
    folder: Path
    url: str

    def key(self, name: str = "key.pem") -> Path:
        made = run(f"{self.program} --gen --type rsa --size 2048 --outform pem")
        (self.folder / name).write_bytes(made.stdout)
        return self.folder / name

    def authorities(self) -> Authorities:
        words = ["--scepca", "--force", "--url", self.url, "--outform", "pem"]
        files = ["--caout", str(self.folder / "ca.pem"), "--raout", str(self.folder / "ra.pem")]
        run([self.program, *words, *files])
        # ca.pem, ca-1.pem; ra.pem, ra-2.pem
        cas, ras = (sorted(self.folder.glob(f"{name}*.pem"), reverse=True) for name in ("ca", "ra"))
        return Authorities(tuple(cas), tuple(ras))

    def scep(self, name: str, *more: str, authorities: Authorities | None = None) -> list[str]:
        by = authorities or self.authorities()
        trust = ["--cacert-enc", str(by.who_may("key_encipherment"))]
        trust += ["--cacert-sig", str(by.who_may("digital_signature"))]
        trust += [word for ca in by.cas for word in ("--cacert", str(ca))]
        request = ["--in", str(self.key()), "--dn", f"C=CH, O=lab, CN={name}", "--san", f"{name}.lab.example"]
        return [self.program, "--scep", "--url", self.url, *request, *trust, "--outform", "pem", *more]

    def check(self, pem: bytes, name: str) -> str:
        """The issued certificate, by openssl; its serial number."""
        certificate = self.folder / "cert.pem"
        certificate.write_bytes(pem)
        openssl, trust = program("openssl"), ["-CAfile", str(self.folder / "ca.pem")]
        issuing = self.folder / "ca-1.pem"
        trust += ["-untrusted", str(issuing)] if issuing.exists() else []
        run([openssl, "verify", "-x509_strict", *trust, str(certificate)])
        shown = run(f"{openssl} x509 -in {certificate} -noout -serial -subject -ext subjectAltName").stdout
        serial_number, subject, *rest = shown.decode().splitlines()
        assert subject == f"subject=C = CH, O = lab, CN = {name}"
        assert f"DNS:{name}.lab.example" in rest[1]
        return serial_number.removeprefix("serial=")
