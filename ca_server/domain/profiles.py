"""How this CA looks on the wire, and how it decides: one profile for each kind of CA.

Everything in which real CAs differ is a field here, so that nothing else asks "is this NDES?".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from ca_server.domain.issuance import Terms
from ca_server.domain.places import PointKind
from ca_server.domain.policy import Policy
from scep_core.codec import ReplyShape
from scep_core.http import CGI_SUFFIX, DEFAULT_PATH
from scep_core.values import LEGACY, MODERN, AlgorithmPolicy, Capability, FailInfo


@dataclass(frozen=True)
class Profile:
    """One way to look, and to decide.

    ``capabilities`` are GetCACaps' lines in their order; with ``tells_next_ca`` GetNextCACert is one more
    while there is a next CA.  ``ra_mode``: GetCACert tells RA certificates too, and the RA signs replies.
    ``unknown_crl_issuer`` is the failInfo for a GetCRL about somebody else's CA.  ``hresult`` goes into
    every FAILURE; None leaves that attribute out.  ``paths`` are where it answers besides
    ``/scep/<name>``, in lower case.
    """

    name: str
    capabilities: tuple[str, ...]
    ra_mode: bool
    shape: ReplyShape
    algorithms: AlgorithmPolicy = MODERN
    unknown_crl_issuer: FailInfo = FailInfo.BAD_CERT_ID
    hresult: int | None = None
    tells_next_ca: bool = True
    paths: tuple[str, ...] = ()
    policy: Policy = Policy()

    def capabilities_now(self, *, next_ca: bool) -> tuple[str, ...]:
        """GetCACaps' lines, when there is a next CA or none."""
        return (*self.capabilities, Capability.GET_NEXT_CA_CERT) if next_ca else self.capabilities


COMPAT = Profile(
    name="compat",
    capabilities=(
        Capability.AES,
        Capability.DES3,
        Capability.POST_PKI_OPERATION,
        Capability.RENEWAL,
        Capability.SHA1,
        Capability.SHA256,
        Capability.SHA384,
        Capability.SHA512,
        Capability.SCEP_STANDARD,
    ),
    ra_mode=False,
    shape=ReplyShape.COMPAT,
    paths=("/scep", DEFAULT_PATH),
)

NDES = Profile(
    name="ndes",
    # IIS/10's answer word for word (scep.md 2.4): no AES, though AES is taken, and Renewal in
    # draft-nourse's sense.  strongSwan up to 5.9.10 takes AES only where SHA-384 is told and 3DES only where
    # AES is, so it enrols at no real NDES and not here; it does at the compat paths.
    capabilities=(
        Capability.POST_PKI_OPERATION,
        Capability.RENEWAL,
        Capability.SHA512,
        Capability.SHA256,
        Capability.SHA1,
        Capability.DES3,
    ),
    ra_mode=True,
    # The one byte 00, and no certificates in FAILURE, are a real one's (scep.md 2.6).  That SUCCESS and
    # PENDING carry the RA's certificate is ours: nobody has shown a real one; strongSwan needs it.
    shape=ReplyShape.NDES,
    unknown_crl_issuer=FailInfo.BAD_REQUEST,  # scep.md 1.4, from sscep#59
    hresult=-2147024809,  # 0x80070057 E_INVALIDARG, the only one seen (scep.md 2.6)
    tells_next_ca=False,  # IIS/10's list does not have it
    # The short one and those of the admin page are asked too (scep.md 2.1; jscep's manual).
    paths=(
        "/certsrv/mscep/mscep.dll",
        "/certsrv/mscep",
        "/certsrv/mscep_admin/mscep.dll",
        "/certsrv/mscep_admin",
    ),
    policy=Policy(
        bad_challenge=FailInfo.BAD_MESSAGE_CHECK,  # scep.md 2.7: sscep#80, #156
        terms=Terms(distribution_points=(PointKind.AD_CS, PointKind.HTTP)),  # labs.md 6.4
    ),
)

RFC8894 = Profile(
    name="rfc8894",
    # Words of section 3.5.2 alone: first what section 2.9 demands, at the end what it still allows.
    capabilities=(
        Capability.AES,
        Capability.POST_PKI_OPERATION,
        Capability.SHA256,
        Capability.SHA512,
        Capability.SCEP_STANDARD,
        Capability.RENEWAL,
        Capability.DES3,
        Capability.SHA1,
    ),
    ra_mode=False,
    shape=ReplyShape.RFC8894,
    policy=Policy(terms=Terms(unique_subjects=True), clock_skew=timedelta(minutes=5)),
)

CISCO_LEGACY = Profile(
    name="cisco-legacy",
    # For a router of 2005: by GET, and whoever finds no better word than these falls back to MD5 and single
    # DES, which are taken here alone (scep.md 3.3).
    capabilities=(Capability.DES3, Capability.SHA1, Capability.RENEWAL),
    ra_mode=False,
    shape=ReplyShape.COMPAT,
    algorithms=LEGACY,
    # A router with special-usage keys signs both its requests with its signature key (scep.md 3.4).
    policy=Policy(own_key_only=False),
)


def _with_point(kind: PointKind) -> Profile:
    """``compat``, but its certificates say in this way alone where their CRL is; it has the kind's name."""
    terms = replace(COMPAT.policy.terms, distribution_points=(kind,))
    return replace(COMPAT, name=str(kind), paths=(), policy=replace(COMPAT.policy, terms=terms))


LDAP = _with_point(PointKind.LDAP)
LDAP_NO_HOST = _with_point(PointKind.LDAP_NO_HOST)  # for a router's "query url"
DIRECTORY_NAME = _with_point(PointKind.DIRECTORY_NAME)

BUILT_IN = (COMPAT, NDES, RFC8894, CISCO_LEGACY, LDAP, LDAP_NO_HOST, DIRECTORY_NAME)
_BY_NAME = "/scep/"


class Profiles:
    """The CA's profiles, and which of them answers where; ValueError when two claim a name or a path."""

    def __init__(self, profiles: Iterable[Profile] = BUILT_IN) -> None:
        self._by_name: dict[str, Profile] = {}
        self._by_path: dict[str, Profile] = {}
        for profile in profiles:
            if profile.name in self._by_name:
                raise ValueError(f"two profiles are called {profile.name}")
            self._by_name[profile.name] = profile
            for path in self.paths_of(profile):
                if self._by_path.setdefault(path, profile) is not profile:
                    raise ValueError(f"two profiles answer at {path}")

    def __iter__(self) -> Iterator[Profile]:
        """All profiles."""
        return iter(self._by_name.values())

    @staticmethod
    def paths_of(profile: Profile) -> tuple[str, ...]:
        """Where a profile answers, in lower case, without a slash at the end.

        Cisco's clients put /pkiclient.exe behind whatever path they are given (scep.md 3.1).
        """
        bases = (*profile.paths, _BY_NAME + profile.name.lower())
        endings = (base + CGI_SUFFIX for base in bases if not base.endswith(CGI_SUFFIX))
        return (*bases, *endings)

    def named(self, name: str) -> Profile:
        """The profile of this name; LookupError."""
        return self._by_name[name]

    def at(self, path: str) -> Profile | None:
        """The profile that answers at a URL's path, whatever its case; None when nothing is there."""
        return self._by_path.get(path.lower().rstrip("/"))
