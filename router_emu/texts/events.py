"""What the log says of the PKI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EventTexts:
    """Mnemonics and words of the log."""

    # --- what became of an enrolment.  Process and facility are XR's; the mnemonics and the words are ours,
    # the words after IOS's %PKI-6-CERTRET and %PKI-6-CERTREJECT (scep.md 3.2) ---
    enrolment_log: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "pending": (
                "SECURITY-CEPKI-6-CERTPENDING",
                "Certificate enrollment request is pending at Certificate Authority for trustpoint {name}",
            ),
            "issued": (
                "SECURITY-CEPKI-6-CERTRET",
                "Certificate received from Certificate Authority for trustpoint {name}",
            ),
            "by-hand": (
                "SECURITY-CEPKI-6-CERTBYHAND",
                "Certificate enrollment request is made for trustpoint {name}: "
                "'crypto ca import' brings its certificate",
            ),
            "refused": (
                "SECURITY-CEPKI-6-CERTREJECT",
                "Certificate enrollment request was rejected by Certificate Authority for trustpoint {name}: "
                "{details}",
            ),
            "expired": (
                "SECURITY-CEPKI-4-CERTTIMEOUT",
                "Certificate enrollment timed out for trustpoint {name}: "
                "no certificate after {details} retries. "
                # The chapter's advice, "Request Your Own Certificates".
                "Contact the CA's administrator to get the request approved, and then enroll again",
            ),
            "unanswered": (
                "SECURITY-CEPKI-4-CERTTIMEOUT",
                "Certificate enrollment timed out for trustpoint {name}: "
                "no answer that counts after {details} retries. "
                "Enroll again when Certificate Authority answers",
            ),
            "cancelled": (
                "SECURITY-CEPKI-6-CERTCANCEL",
                "Certificate enrollment was cancelled for trustpoint {name}",
            ),
            # The four ways in which an exchange gives no answer; it is tried again.  Told once in a row.
            "unreachable": (
                "SECURITY-CEPKI-4-CAUNREACHABLE",
                "No answer from Certificate Authority for trustpoint {name}: {details}",
            ),
            "http-error": (
                "SECURITY-CEPKI-4-HTTPERROR",
                "Certificate Authority answered with an HTTP error for trustpoint {name}: {details}",
            ),
            "not-believed": (
                "SECURITY-CEPKI-3-NOTBELIEVED",
                "An answer that cannot be believed came for trustpoint {name}: {details}",
            ),
            "not-sent": (
                "SECURITY-CEPKI-3-NOTSENT",
                "Nothing was sent to Certificate Authority for trustpoint {name}: {details}",
            ),
            "forgotten": (
                "SECURITY-CEPKI-4-CERTFORGOTTEN",
                "Certificate enrollment request cannot be sent again for trustpoint {name}: "
                "its challenge password is not kept over a restart. Enroll again",
            ),
            "renewing": (
                "SECURITY-CEPKI-6-CERTRENEW",
                "Certificate renewal is started for trustpoint {name}",
            ),
            "not-renewed": (
                "SECURITY-CEPKI-3-CERTNOTRENEWED",
                "Certificate cannot be renewed for trustpoint {name}: {details}",
            ),
            "renewal-expired": (
                "SECURITY-CEPKI-4-CERTTIMEOUT",
                "Certificate renewal timed out for trustpoint {name}: no certificate after {details} retries",
            ),
            "renewal-later": (
                "SECURITY-CEPKI-6-CERTRENEWLATER",
                "Certificate renewal is tried again on {details} for trustpoint {name}",
            ),
            "certificate-expired": (
                "SECURITY-CEPKI-3-CERTEXPIRED",
                "Certificate has expired for trustpoint {name}. If no enrollment is pending, enroll again",
            ),
            "ca-expired": (
                "SECURITY-CEPKI-3-CACERTEXPIRED",
                "CA certificate has expired for trustpoint {name}. "
                "Clear the trustpoint's certificates, authenticate and enroll again",
            ),
            # A certificate that ends with its CA: the next CA's takes its place.
            "next-ca": (
                "SECURITY-CEPKI-6-NEXTCA",
                "Next CA certificate received for trustpoint {name}; it takes over on {details}",
            ),
            "no-next-ca": (
                "SECURITY-CEPKI-4-NONEXTCA",
                "Certificate ends with its CA, which offers no next one yet, for trustpoint {name}: "
                "it is asked again. If the CA has changed over already, clear the trustpoint's certificates, "
                "authenticate and enroll again",
            ),
            "rolling": (
                "SECURITY-CEPKI-6-CERTROLLOVER",
                "Certificate of the next CA is requested for trustpoint {name}",
            ),
            "shadow-issued": (
                "SECURITY-CEPKI-6-SHADOWCERTRET",
                "Certificate of the next CA received for trustpoint {name}",
            ),
            "rolled-over": (
                "SECURITY-CEPKI-5-CAROLLOVER",
                "The CA has ended and the next CA has taken over for trustpoint {name}",
            ),
            "no-shadow": (
                "SECURITY-CEPKI-3-NOSHADOWCERT",
                "Certificate has ended with its CA and the next CA has issued none for trustpoint {name}. "
                "Enroll again",
            ),
        }
    )
