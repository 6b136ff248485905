"""`crypto ca export`: the lab's own command, for XR gives no private key away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IdentityTexts:
    """What an export prints; all ours, after IOS's `crypto pki export`."""

    export_password: str = "% The file is protected by a password."
    export_no_password: str = "% No export: the file needs a password."
    export_mismatch: str = "% No export: the passwords do not match."
    export_refused: str = "% Nothing of trustpoint {name} can be exported: {why}"
    exported: str = "CRYPTO_PKI: Exported PKCS12 file to {path}"
