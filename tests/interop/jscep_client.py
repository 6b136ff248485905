"""jscep's client and its servlet, each in a JVM that lasts for the whole run.

jscep/JscepClient.java says what the client is told.
"""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.programs import SECONDS, built, program

FOLDER = Path(__file__).parent / "jscep"


class JscepError(Exception):
    """jscep has thrown this: its exception, and then the causes."""


class JscepServer:
    """jscep's servlet in a JVM, with as many CAs as are asked for; see jscep/JscepServer.java."""

    def __init__(self) -> None:
        self._jvm = subprocess.Popen(
            java("JscepServer.java"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self) -> None:
        """End the JVM."""
        self._jvm.communicate(timeout=SECONDS)

    def ca(self, password: str, *, pending: int = 0, refuses: bool = False) -> str:
        """A new CA's URL; it says PENDING so many times before it decides."""
        assert self._jvm.stdin
        assert self._jvm.stdout
        self._jvm.stdin.write(f"{password} {pending}{' refuse' * refuses}\n")
        url = self._jvm.stdout.readline().strip()
        assert url, "the JVM has ended"
        return url


@dataclass(frozen=True)
class Enrolled:
    """What jscep made of a CertRep: OK with certificates, PENDING with a transaction, FAILURE with why."""

    status: str
    words: tuple[str, ...]

    @property
    def certificate(self) -> bytes:
        """The DER of the only certificate."""
        assert self.status == "OK", self
        (only,) = self.words
        return base64.b64decode(only)


def java(source: str) -> list[str]:
    """The command that runs one of our sources with jscep's library, and jetty's for its server."""
    runtime, _, maven = map(program, ("java", "javac", "mvn"))  # java compiles the source by itself
    copy = [maven, "--batch-mode", "--quiet", f"--file={FOLDER / 'pom.xml'}"]
    copy += ["dependency:copy-dependencies", "-DoutputDirectory={folder}"]
    libraries = built("jscep-2.5.8-jetty-9.4.57", copy)
    return [runtime, "-cp", f"{libraries}/*", str(FOLDER / source)]


class Jscep:
    """The JVM; ``close`` ends it."""

    def __init__(self) -> None:
        self._jvm = subprocess.Popen(
            java("JscepClient.java"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def close(self) -> None:
        """End the JVM."""
        self._jvm.communicate(timeout=SECONDS)

    def _say(self, *words: str) -> Enrolled:
        assert self._jvm.stdin
        assert self._jvm.stdout
        self._jvm.stdin.write("\t".join(words) + "\n")
        status, *answer = self._jvm.stdout.readline().rstrip("\n").split("\t")
        if status == "EXCEPTION":
            raise JscepError("\n".join(answer))
        assert status, "the JVM has ended"
        return Enrolled(status, tuple(answer))

    def capabilities(self, url: str) -> str:
        """GetCACaps, as jscep prints it."""
        return self._say("capabilities", url).words[0]

    def authorities(self, url: str, md5: str = "") -> tuple[bytes, ...]:
        """GetCACert; with a thumbprint, jscep's verifier compares the CA's certificate with it."""
        return _ders(self._say("ca", url, md5))

    def next_authorities(self, url: str) -> tuple[bytes, ...]:
        """GetNextCACert."""
        return _ders(self._say("next-ca", url))

    def device(self, name: str, password: str = "") -> str:
        """Make a device with a key and a self-signed certificate; returns its name."""
        self._say("device", name, f"CN={name},O=jscep", password)
        return name

    def enrol(self, url: str, device: str) -> Enrolled:
        """PKCSReq; from success on the device signs with its new certificate."""
        return self._say("enrol", url, device)

    def renew(self, url: str, device: str) -> Enrolled:
        """PKCSReq for a new key, signed with the device's present certificate."""
        return self._say("renew", url, device)

    def poll(self, url: str, device: str, transaction_id: str) -> Enrolled:
        """GetCertInitial."""
        return self._say("poll", url, device, transaction_id)

    def certificate(self, url: str, device: str, serial_number: str) -> bytes:
        """GetCert, by the serial number in hexadecimal."""
        return self._say("certificate", url, device, serial_number).certificate

    def crl(self, url: str, device: str, issuer: str, serial_number: str) -> bytes:
        """GetCRL, by the issuer's name (RFC 2253) and a serial number."""
        return self._say("crl", url, device, issuer, serial_number).certificate


def _ders(answer: Enrolled) -> tuple[bytes, ...]:
    return tuple(map(base64.b64decode, answer.words))
