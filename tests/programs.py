"""Other people's programs: found, or the test is skipped by name, or fails where CI demands them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from sceplab.client import Lab

SECONDS = 60

# Run with SCEPLAB_REQUIRE_INTEROP=1 to have a missing program fail: CI does.
REQUIRED = os.environ.get("SCEPLAB_REQUIRE_INTEROP") == "1"
PACKAGES = {
    "pki": "strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins",
    "/usr/lib/certmonger/scep-submit": "certmonger",
    "openssl": "openssl",
    "ssh": "openssh-client",
}


def program(name: str) -> str:
    """The program's path."""
    found = shutil.which(name)
    if found:
        return found
    missing = f"{name} is not installed (Debian: {PACKAGES[name]})"
    if REQUIRED:
        pytest.fail(missing)
    pytest.skip(missing)


def run(command: Sequence[str] | str, *, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; its output is in the failure when its exit status is another."""
    words = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == status, f"{' '.join(words)} ended with {done.returncode}:\n{said}"
    return done


@dataclass(frozen=True)
class Ca:
    """A running CA: where it answers, and its operator."""

    scep: str
    ndes: str
    operator: Lab

    @property
    def compat(self) -> str:
        """The URL of the profile that is made for every client."""
        return f"{self.scep}/scep"
