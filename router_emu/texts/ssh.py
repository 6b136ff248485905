"""The router's SSH server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SshTexts:
    """What the log says of certificates.  Process and facility are XR's [T]; mnemonics and words are ours."""

    ssh_user_refused: tuple[str, str] = (
        "SECURITY-SSHD-4-CERTREFUSED",
        "The certificate of user {user} is not accepted: {why}",
    )
    ssh_no_certificate: tuple[str, str] = (
        "SECURITY-SSHD-4-NOHOSTCERT",
        "SSH server offers no certificate: {why}",
    )
