"""The next CA, asked for by GetNextCACert (RFC 8894 section 4.7), vouched for by the one that was accepted.

That is why nobody is asked to accept it.  What takes over, and when, is Cisco's (technote 211322, of IOS):
the next CA and the router's certificate of it are kept in the shadow, and become current when the CA of now
ends.  That XR does the same is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from router_emu.pki.trustpoint import CaCertificateRefused, TrustpointState, choose_ca
from router_emu.pki.wire import (
    NOT_BELIEVED,
    NOT_SENT,
    Exchange,
    ExchangeFailed,
    WireProfile,
    fetch,
    get_capabilities,
)
from scep_core import http
from scep_core.certificates import Certificate
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.next_ca import open_next_ca
from scep_core.values import Capability, Digest


@dataclass(frozen=True)
class NextCa:
    """What came of asking: the next CA with its RAs and the CAs above; None when there is none yet."""

    found: TrustpointState | None


def get_next_ca(
    wire: WireProfile, base_url: str, name: str, held: TrustpointState, digest: Digest | None
) -> Exchange[NextCa]:
    """Ask the CA for the next one; its capabilities are asked anew, since they tell whether there is one.

    ``digest`` is the trustpoint's: who is told to use MD5 believes MD5.  ExchangeFailed, too, when the answer
    is nothing that the CA of now has signed, or nothing that can take over from it.
    """
    if held.ca is None:
        raise ExchangeFailed("the trustpoint has no CA certificate", NOT_SENT)
    capabilities = yield from get_capabilities(wire, base_url, name)
    if Capability.GET_NEXT_CA_CERT.lower() not in capabilities:
        return NextCa(None)
    response = yield from fetch(wire.get(base_url, http.get_query(http.GET_NEXT_CA_CERT, name)))
    try:
        return NextCa(_choose(open_next_ca(response.body, held.ca, wire.policy(digest)), held.ca))
    except (NotAPkiMessage, PeerError, CaCertificateRefused, ValueError) as error:
        raise ExchangeFailed(f"the next CA is not believed: {error}", NOT_BELIEVED) from error


def _choose(certificates: Sequence[Certificate], current: Certificate) -> TrustpointState:
    """As at ``authenticate``, but what counts is the instant at which the current CA ends.

    The answer may hold the current CA too, and more than one after it: that which ends last is the next.
    """
    last_first = sorted(certificates, key=lambda each: each.not_after, reverse=True)
    offered = choose_ca(last_first, current.not_after, replaced=current)
    if offered.ca.not_after <= current.not_after:
        raise CaCertificateRefused("it ends no later than the CA of now")
    found = TrustpointState(ca=offered.ca, ra=offered.ra, above=offered.above)
    if not (found.encryption and isinstance(found.encryption.public_key(), rsa.RSAPublicKey)):
        raise CaCertificateRefused("no request can be sealed for its key")
    return found
