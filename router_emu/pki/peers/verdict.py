"""What the router thinks of a certificate that somebody else shows, and what it goes by.

A verdict is a value: good, bad (why), or cannot tell (why).  Cannot tell is refused like bad, but it is
nobody's fault yet: with a CRL in hand it would be one of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from scep_core import names
from scep_core.certificates import Certificate


class PeerPurpose(StrEnum):
    """What a peer shows its certificate for; ANY asks for no extended key usage, SIGNER signs a bundle."""

    SERVER = "server"
    CLIENT = "client"
    IKE = "ike"
    SIGNER = "signer"
    ANY = "any"


class Reason(StrEnum):
    """Why a chain is not good: in the words of RFC 5280 section 6 where it has some."""

    MALFORMED = "malformed"
    NO_PATH = "no-path"  # no chain to a CA that we trust
    SIGNATURE = "signature"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    NOT_A_CA = "not-a-ca"
    PATH_LENGTH = "path-length"
    KEY_USAGE = "key-usage"
    PURPOSE = "purpose"
    POLICY = "policy"  # none of the certificate policies that a CA demands
    NAME_CONSTRAINTS = "name-constraints"
    CRITICAL_EXTENSION = "critical-extension"
    WEAK = "weak"  # a key too short, or a digest that anybody can collide
    REVOKED = "revoked"
    NAME = "name"  # it is not the name that was called
    # Cannot tell: a certificate in the path has no CRL, or none that is worth anything now.
    NO_CRL = "no-crl"
    STALE_CRL = "stale-crl"
    CRL_NOT_BELIEVED = "crl-not-believed"


@dataclass(frozen=True)
class Good:
    """The chain is good; ``path`` leads from the peer's certificate to the anchor, both included.

    ``trust`` is the name of the trustpoint that vouches for it.
    """

    path: tuple[Certificate, ...]
    trust: str


@dataclass(frozen=True)
class Bad:
    """The chain is not to be believed; ``why`` is a sentence for people, about which certificate and what."""

    reason: Reason
    why: str


@dataclass(frozen=True)
class CannotTell:
    """It may be revoked or not: ``why`` says what is missing."""

    reason: Reason
    why: str


Verdict = Good | Bad | CannotTell


@dataclass(frozen=True)
class Trust:
    """What one trustpoint vouches for, and how strictly.

    A path ends at one of ``anchors``, through ``intermediates`` or what the peer sent.  With ``crl_optional``
    a CRL that cannot be had is no hindrance; one that is there counts (IOS's manual on ``crl optional`` [D]).
    ``extended_key_usage`` is ``server-auth`` or ``client-auth`` where the trustpoint's statement demands
    that whatever the purpose, else empty.  No path counts that leads through one of ``not_through``, or
    another certificate of the same CA and key.  Without ``revocation`` nobody asks for a CRL at all.
    ``query_url`` is the directory for places that name no server, empty for none.
    """

    name: str
    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    crl_optional: bool = False
    extended_key_usage: str = ""
    not_through: tuple[Certificate, ...] = ()
    revocation: bool = True
    query_url: str = ""


def trusts(
    settings: Mapping[str, TrustpointSettings], held: Mapping[str, TrustpointState]
) -> Iterator[Trust]:
    """What the configured trustpoints vouch for, those without a CA certificate left out.

    The anchor is the highest CA that was accepted, so that the CAs below it can be revoked.  The next CA is
    another as soon as it is held, since peers do not change over in the same instant; the one before needs
    no trust, since it has ended by then.
    """
    for name, each in settings.items():
        state = held.get(name)
        if state is not None and state.ca is not None:
            ladders = [(one.ca, *one.above) for one in (state, state.next) if one and one.ca]
            anchors = tuple(ladder[-1] for ladder in ladders)
            lower = tuple(ca for ladder in ladders for ca in ladder[:-1])
            yield Trust(
                name,
                anchors,
                lower,
                each.crl_optional,
                each.extended_key_usage,
                query_url=each.query_url,
            )


TRUST_POOL = "Trustpool"


def pool_trust(active: Sequence[Certificate], crl_optional: bool, trustpoints: Iterable[Trust]) -> Trust:
    """What the trust pool vouches for, beside all that ``trustpoints`` do.

    A CA that is in a trustpoint too is judged by the trustpoint's policy alone (the chapter, "Handling of CA
    Certificates appearing both in Trust Pool and Trust Point"): a path through it does not count here, or the
    CRL that the trustpoint insists on would be optional by way of a root above it.

    The pool's own ``crl optional`` is not like a trustpoint's: it "disables revocation checking", says the
    chapter.
    """
    first = tuple(ca for each in trustpoints for ca in (*each.anchors, *each.intermediates))
    theirs = {entity(each) for each in first}
    anchors = tuple(each for each in active if entity(each) not in theirs)
    return Trust(TRUST_POOL, anchors, not_through=first, revocation=not crl_optional)


@lru_cache(maxsize=256)  # a search for paths asks for the same few again and again
def name_key(name: bytes) -> object:
    """Equal for Names, in DER, that are the same by RFC 5280 section 7.1; for looking them up."""
    try:
        rdns = names.parse_name(name)
    except ValueError:
        return name
    return tuple(
        tuple(sorted((kind, " ".join(text.casefold().split())) for kind, text in rdn)) for rdn in rdns
    )


def entity(certificate: Certificate) -> tuple[object, bytes]:
    """Whose certificate it is: name, however it is encoded, and key (RFC 4158 section 5.2)."""
    return name_key(certificate.subject), certificate.public_key_info
