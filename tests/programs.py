"""Other people's programs: found, or the test is skipped by name, or fails where CI demands them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from sceplab.client import Lab

SECONDS = 60
BUILD_SECONDS = 300
PROFILES = ("compat", "ndes", "rfc8894", "cisco-legacy")

# Run with SCEPLAB_REQUIRE_INTEROP=1 to have a missing program fail: CI does.
REQUIRED = os.environ.get("SCEPLAB_REQUIRE_INTEROP") == "1"
PACKAGES = {
    "pki": "strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins",
    "charon-systemd": "charon-systemd",
    "swanctl": "strongswan-swanctl libstrongswan-standard-plugins",
    "ip": "iproute2",
    "/usr/lib/certmonger/scep-submit": "certmonger",
    "openssl": "openssl",
    "/usr/sbin/slapd": "slapd",
    "ssh": "openssh-client",
    "scp": "openssh-client",
    "sftp": "openssh-client",
    "ssh-keygen": "openssh-client",
    "curl": "curl",
    "go": "golang",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "keytool": "default-jre-headless",
    "mvn": "maven",
    "ldapsearch": "ldap-utils",
    "ldapcompare": "ldap-utils",
    "ldapwhoami": "ldap-utils",
    "ldapdelete": "ldap-utils",
    "certutil": "libnss3-tools",
    "cmsutil": "libnss3-tools",
}


def program(name: str) -> str:
    """The program's path."""
    found = shutil.which(name)
    if not found:
        without(f"{name} is not installed (Debian: {PACKAGES[name]})")
    return found


def without(missing: str) -> NoReturn:
    """Skip the test, or fail where CI demands it."""
    if REQUIRED:
        pytest.fail(missing)
    pytest.skip(missing)


def built(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    source: Path | None = None,
) -> Path:
    """The folder that a build tool has filled, once for all runs: in the user's cache, not in the repository.

    ``{folder}`` in the words and in the environment is where to build; the command runs in ``source``.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scep-lab" / "interop"
    folder = cache / name
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as unfinished:
        made = f"{unfinished}/made"
        done = subprocess.run(
            [word.replace("{folder}", made) for word in command],
            env=os.environ
            | {key: value.replace("{folder}", made) for key, value in (environment or {}).items()},
            cwd=source,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if done.returncode:
            without(f"{name} could not be built: {(done.stdout + done.stderr)[-2000:]}")
        if not folder.exists():  # another run may have been faster
            Path(made).rename(folder)
    return folder


def run(
    command: Sequence[str] | str, *, status: int = 0, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; its output is in the failure when its exit status is another."""
    words = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False, input=stdin)
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

    def at(self, profile: str) -> str:
        """The URL of a profile, the one that its clients know where there is one."""
        known = {"compat": self.compat, "ndes": self.ndes}
        return known.get(profile, f"{self.scep}/scep/{profile}")


# Arguments of ca_server's and, by name, its settings.
RunCa = Callable[..., Ca]
