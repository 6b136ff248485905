"""What the directory does wrong on demand, by name."""

from __future__ import annotations

import threading
from dataclasses import replace

from ldap_mock.asking import ANSWER_SECONDS, AskedCa, NotAnswered
from ldap_mock.messages import ResultCode
from ldap_mock.published import AUTHORITY_CRL, CRL
from ldap_mock.server import DirectoryUnavailable, Injection
from ldap_mock.source import Snapshot, Source
from sceplab.faults import Fault, Injected

SLOW_SECONDS = 15.0  # longer than clients wait, mostly
ELSEWHERE = "ldap://elsewhere.invalid"  # RFC 2606: no such host
# One type for each: an entry must not tell one type twice.
_OTHER_NAMES = {CRL: "deltaRevocationList", AUTHORITY_CRL: "crossCertificatePair"}
_CRL_FAULTS = {
    "stale-crl": "expired",
    "forged-crl": "wrong-signer",
    "huge-crl": "huge",
}  # as the CA calls them

CATALOGUE = (
    Fault("no-such-object", "The entry is said not to be there."),
    Fault("busy", "The directory says that it is busy."),
    Fault("referral", f"The client is sent elsewhere, to {ELSEWHERE}, which is nowhere."),
    Fault("slow", "The answer takes this many seconds.", SLOW_SECONDS),
    Fault("truncated", "The answer breaks off in its middle, and the connection ends."),
    Fault("wrong-attribute", "The CRL comes as deltaRevocationList."),
    Fault("stale-crl", "The CRL has run out."),
    Fault("forged-crl", "The CRL has the CA's name and another key's signature."),
    Fault("huge-crl", "The CRL has 100,000 more entries, some 4 MB."),
    Fault("reset", "The connection is reset in place of an answer."),
)


_FIXED = {
    each.name: each
    for each in (
        Injection("no-such-object", result=ResultCode.NO_SUCH_OBJECT),
        Injection("busy", result=ResultCode.BUSY),
        Injection("referral", result=ResultCode.REFERRAL, referrals=(ELSEWHERE,)),
        Injection("slow", delay=SLOW_SECONDS),
        Injection("truncated", truncate=True),
        Injection("wrong-attribute", rename=_OTHER_NAMES),
        Injection("reset", reset=True),
    )
}


class Faults:
    """Makes of a fault what the server is to do.  Safe to use from several threads."""

    def __init__(self, source: Source, ca: AskedCa) -> None:
        self._source, self._ca = source, ca
        self._lock = threading.Lock()
        self._spoilt: dict[str, tuple[Snapshot, Snapshot]] = {}

    def injection(self, fault: Injected) -> Injection:
        """What this fault does to a search; DirectoryUnavailable when the CA does not give what it takes."""
        if fault.name in _CRL_FAULTS:
            return Injection(fault.name, tree=self._spoilt_now(_CRL_FAULTS[fault.name]).tree)
        fixed = _FIXED[fault.name]
        return fixed if fault.value is None else replace(fixed, delay=fault.value)

    def _spoilt_now(self, how: str) -> Snapshot:
        """What stands now, but with all CRLs spoilt; made once for as long as it is the same."""
        true = self._source.now()
        with self._lock:
            of, made = self._spoilt.get(how, (None, None))
            if made is None or of is not true:
                self._ca.limit(ANSWER_SECONDS)
                try:
                    cas = tuple(replace(ca, crl=self._ca.crl(ca.name, how)) for ca in true.cas)
                except NotAnswered as error:
                    raise DirectoryUnavailable("the CA did not give the CRL for this fault") from error
                made = Snapshot.of(cas, true.issued)
                self._spoilt[how] = true, made
            return made
