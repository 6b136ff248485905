"""Bundles and paths as JSON shows them, to operators and to whoever looks at the index."""

from __future__ import annotations

from typing import Any

from bundles.domain.builder import Bundle
from bundles.shelf import Served
from scep_core import names
from scep_core.certificates import Certificate
from scep_core.values import Digest
from sceplab.clock import format_instant


def published_json(served: Served) -> dict[str, Any]:
    """A path, with what it serves and will serve."""
    bundle = served.bundle
    return {
        "path": served.path,
        "bundle": bundle.name,
        "title": bundle.title,
        "form": bundle.form,
        "signed": bundle.signer is not None,
        "fault": bundle.fault,
        "certificates": len(bundle.certificates),
        "size": len(bundle.content),
        "changed_at": format_instant(served.changed_at),
        "coming": [{"at": format_instant(each.since), "bundle": each.bundle} for each in served.coming],
    }


def bundle_json(bundle: Bundle, published: list[Served]) -> dict[str, Any]:
    """A bundle, with the paths that serve it now."""
    return {
        "name": bundle.name,
        "title": bundle.title,
        "form": bundle.form,
        "content_type": bundle.content_type,
        "fault": bundle.fault,
        "signer": names.rfc4514(bundle.signer.subject) if bundle.signer else None,
        "certificates": len(bundle.certificates),
        "size": len(bundle.content),
        "sha256": bundle.digest.upper(),
        "paths": [each.path for each in published if each.bundle.name == bundle.name],
    }


def certificate_json(certificate: Certificate) -> dict[str, Any]:
    """A member of a bundle."""
    return {
        "subject": names.rfc4514(certificate.subject),
        "issuer": names.rfc4514(certificate.issuer),
        "serial_number": f"{certificate.serial_number:X}",
        "not_before": format_instant(certificate.not_before),
        "not_after": format_instant(certificate.not_after),
        "ca": certificate.is_ca,
        "fingerprints": {
            name: certificate.fingerprint(digest).hex().upper()
            for name, digest in (("sha1", Digest.SHA1), ("sha256", Digest.SHA256))
        },
    }
