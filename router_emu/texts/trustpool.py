"""The trust pool: import, clean, show, and what the log says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrustpoolTexts:
    """What `crypto ca trustpool` commands print, and what the pool tells by itself."""

    # --- crypto ca trustpool import url: the first line after IOS's, from memory [U]; all else is ours ---
    trustpool_reading: str = "Reading file from {source}"
    trustpool_imported: str = "% CA certificate bundle import succeeded: {certificates}"
    trustpool_one: str = "1 certificate"
    trustpool_several: str = "{count} certificates"
    trustpool_unsigned: str = "% Nobody has signed the bundle"
    trustpool_no_source: str = (
        "% Not a source of a bundle: {name}. It takes http://, https://, disk0: and harddisk:"
    )
    trustpool_not_had: str = "% Failed to get the CA certificate bundle from {source}: {why}"
    trustpool_refused: str = "% The CA certificate bundle is refused: {why}. The trustpool is as it was."
    trustpool_cleaned: str = "% Downloaded CA certificates removed: {count}"

    # --- show crypto ca trustpool: the chapter's [S], but for what is inactive, which is ours ---
    trustpool_built_in: str = "Trustpool: Built-In\n=================================================="
    trustpool_downloaded: str = "Trustpool: Downloaded\n=================================================="
    trustpool_inactive: str = "Inactive"

    # --- show crypto ca trustpool policy: up to the location from memory [U], then ours ---
    trustpool_policy: str = "Trustpool Policy\n"
    trustpool_end: str = "Trustpool CA certificates will expire [UTC] {instant}"
    trustpool_no_end: str = "Trustpool CA certificates have all expired"
    trustpool_location: str = "CA Bundle Location: {url}"
    trustpool_no_location: str = "CA Bundle Location: not configured"
    trustpool_crl: str = "Revocation check: CRL"
    trustpool_crl_optional: str = "Revocation check: CRL optional"
    trustpool_description: str = "Description: {text}"
    trustpool_vrf: str = "VRF: {name}"
    trustpool_source: str = "Last import: [UTC] {instant} from {source}"
    trustpool_next: str = "Next event: [UTC] {instant}, {what}"
    trustpool_fetching: str = "Next event: a download is on its way"

    # --- the log.  Process and facility are XR's; mnemonics and words are ours ---
    trustpool_log: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "imported": (
                "SECURITY-CEPKI-6-TRUSTPOOL_IMPORTED",
                "Trustpool replaced by {count} CA certificates from {source}",
            ),
            "refreshed": (
                "SECURITY-CEPKI-6-TRUSTPOOL_REFRESHED",
                "Trustpool refreshed by itself: {count} CA certificates from {source}",
            ),
            "unsigned": (
                "SECURITY-CEPKI-4-TRUSTPOOL_UNSIGNED",
                "Nobody has signed the CA certificate bundle that was taken from {source}",
            ),
            "cleaned": (
                "SECURITY-CEPKI-6-TRUSTPOOL_CLEANED",
                "Downloaded CA certificates removed from trustpool: {count}",
            ),
            "not-imported": (
                "SECURITY-CEPKI-4-TRUSTPOOL_NOTIMPORTED",
                "CA certificate bundle from {source} is not imported, trustpool is as it was: {details}",
            ),
            "refresh-failed": (
                "SECURITY-CEPKI-3-TRUSTPOOL_NOTREFRESHED",
                "Trustpool cannot be refreshed from {source} and is as it was: {details}. It is tried again",
            ),
            "still-failing": (
                "SECURITY-CEPKI-3-TRUSTPOOL_NOTREFRESHED",
                "Trustpool still cannot be refreshed from {source} and is as it was: {details}. "
                "The last {count} tries have failed. It is tried again every hour",
            ),
            "unattended": (
                "SECURITY-CEPKI-4-TRUSTPOOL_UNATTENDED",
                "Trustpool CA certificate of {subject} ends on {end}, and no cabundle url is configured: "
                "nothing refreshes the trustpool. Configure one, or import a bundle",
            ),
            "ended": (
                "SECURITY-CEPKI-4-TRUSTPOOL_UNATTENDED",
                "Trustpool CA certificate of {subject} ended on {end}, and no cabundle url is configured: "
                "nothing refreshes the trustpool. Configure one, or import a bundle",
            ),
            "broken": (
                "SECURITY-CEPKI-3-TRUSTPOOL_BROKEN",
                "Downloaded CA certificates are lost, only the built-in ones are left: {details}. "
                "Import the bundle again",
            ),
        }
    )
