"""A router, in its own process and typed at over SSH, and other people's CAs that it enrols at."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sceplab.clock import ClockState
from tests.flows.conftest import Processes
from tests.programs import SECONDS

PASSWORD = "Lab-Only-Foreign-1"


@contextmanager
def announced(command: Sequence[str]) -> Iterator[str]:
    """A program that says on its first line where it is, and ends when its stdin does."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            where = process.stdout.readline().strip()
            assert where, f"{command[0]} has ended"
            yield where
        finally:
            process.communicate(timeout=SECONDS)


class Device:
    """A router whose clock runs with the wall's: other people's CAs know no lab clock."""

    def __init__(self, folder: Path, wire: str) -> None:
        folder.mkdir()
        self._processes = Processes(folder, ClockState())
        self._processes.start_routers(wire=wire)
        self.type = self._processes.type
        self.close = self._processes.end

    def trust(self, url: str, *more: str) -> str:
        """From a fresh router to a CA whose certificate is accepted; what ``authenticate`` showed."""
        self.configure(f"enrollment url {url}", *more)
        self.type("crypto key generate rsa", "2048")
        return self.type("crypto ca authenticate myca", "yes")

    def configure(self, *statements: str) -> None:
        """Commit statements of the trustpoint."""
        names = ("hostname r1", "domain name lab.example", "crypto ca trustpoint myca")
        self.type("configure", *names, *statements, "commit", "end")

    def enrol(self, password: str = PASSWORD) -> None:
        """Ask for a certificate, and wait until the CA's answer is there."""
        self.type("crypto ca enroll myca", password, password)
        self.wait(timedelta(0))

    def wait(self, by: timedelta) -> list[str]:
        """Let time pass; what the timers' exchanges came to."""
        return [each.outcome for each in self._processes.advance(by)]

    @property
    def log(self) -> str:
        """What the PKI has written to the log."""
        return self.type("show logging | include CEPKI")

    @property
    def certificates(self) -> str:
        return self.type("show crypto ca certificates")

    @property
    def serial_number(self) -> str:
        """That of the router's own certificate, as the router shows it; empty without one."""
        own = self.certificates.partition("Router certificate")[2]
        found = re.search(r"Serial Number\s*: *(\S+)", own)
        return found[1] if found else ""


def sha1_fingerprint(pem: bytes) -> str:
    """As the router shows a CA's."""
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1()).hex().upper()
