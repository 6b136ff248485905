"""How this CA looks on the wire: one profile for each kind of CA, one table from path to profile.

Everything in which real CAs differ is a field here, so that nothing else asks "is this NDES?".
"""

from __future__ import annotations

from dataclasses import dataclass

from scep_core.codec import ReplyShape
from scep_core.values import MODERN, AlgorithmPolicy, Capability, FailInfo


@dataclass(frozen=True)
class Profile:
    """One way to look.

    ``capabilities`` are GetCACaps' lines in their order.  ``ra_mode``: GetCACert tells RA certificates
    too, and the RA signs replies.  ``unknown_crl_issuer`` is the failInfo for a GetCRL about somebody
    else's CA.  ``hresult`` goes into every FAILURE; None leaves that attribute out.
    """

    name: str
    capabilities: tuple[str, ...]
    ra_mode: bool
    shape: ReplyShape
    algorithms: AlgorithmPolicy = MODERN
    unknown_crl_issuer: FailInfo = FailInfo.BAD_CERT_ID
    hresult: int | None = None


COMPAT = Profile(
    name="compat",
    # Only what is done: no Renewal as long as RenewalReq is refused, no GetNextCACert without a rollover CA.
    capabilities=(
        Capability.AES,
        Capability.DES3,
        Capability.POST_PKI_OPERATION,
        Capability.SHA1,
        Capability.SHA256,
        Capability.SHA384,
        Capability.SHA512,
        Capability.SCEP_STANDARD,
    ),
    ra_mode=False,
    shape=ReplyShape.COMPAT,
)

NDES = Profile(
    name="ndes",
    # IIS/10's answer word for word (scep.md 2.4): no AES, though AES is taken, and Renewal in
    # draft-nourse's sense, though a RenewalReq is refused for now.  strongSwan up to 5.9.10 takes AES only
    # where SHA-384 is told and 3DES only where AES is, so it enrols at no real NDES and not here; it does
    # at the compat paths.
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
)

_NDES_PATH = "/certsrv/mscep/mscep.dll"

# Paths in lower case, without a slash at the end.  Cisco's clients put /pkiclient.exe behind whatever path
# they are given (scep.md 3.1).
PATHS: dict[str, Profile] = {
    _NDES_PATH: NDES,
    _NDES_PATH + "/pkiclient.exe": NDES,
    "/cgi-bin/pkiclient.exe": COMPAT,
    "/scep": COMPAT,
    "/scep/pkiclient.exe": COMPAT,
}


def profile_at(path: str) -> Profile | None:
    """The profile that answers at a URL's path, whatever its case; None when nothing is there."""
    return PATHS.get(path.lower().rstrip("/"))
