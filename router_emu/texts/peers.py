"""Peers and what their certificates are checked by: CRLs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PeerTexts:
    """What the commands about CRLs print."""

    # --- show crypto ca crls, and what crypto ca crl request shows: the layout from memory [U] ---
    crl_title: str = "CRL Entry\n==================================================="
    crl_issuer: str = "Issuer : {issuer}"
    crl_last_update: str = " Last Update : [UTC] {instant}"
    crl_next_update: str = " Next Update : [UTC] {instant}"
    crl_no_next_update: str = " Next Update : not said"  # ours
    crl_source: str = " CRL Distribution Point :\n{source}"

    # --- crypto ca crl request: all ours ---
    crl_failed: str = "% Failed to get the CRL from {url}: {why}"
    crl_refused: str = "% The CRL is refused: {why}."
    crl_no_issuer: str = "no trustpoint holds the CA certificate of {issuer}"
