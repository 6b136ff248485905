"""What becomes of a new request: refused, issued at once, or queued for a person.

First the checks that hold in every profile, then the profile's own rules, then its challenge password, and
what is left is decided as the profile says.  A check takes a submission and returns what is wrong with it,
or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address

from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.domain.challenges import ChallengeRule
from ca_server.domain.issuance import Terms, certificate_extensions
from ca_server.domain.requests import CertificateRequest, ChallengeState, Submission, WaitsFor, same_key
from scep_core import names
from scep_core.csr import Csr
from scep_core.values import FailInfo

MAX_TRANSACTION_ID = 255
MAX_CSR_BYTES = 16 * 1024
RSA_BITS = range(1024, 8192 + 1)


class Decide(StrEnum):
    """Who decides about a request that nothing else has decided about."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"
    AFTER_POLLS = "after-polls"
    AFTER_TIME = "after-time"
    CHALLENGE = "challenge"  # issued when the challenge password is right
    REFUSE = "refuse"


class Otherwise(StrEnum):
    """What becomes of a request without the right challenge password, where one is asked for."""

    REFUSE = "refuse"
    QUEUE = "queue"


class Renewals(StrEnum):
    """What becomes of a request that is signed with a certificate of ours."""

    LIKE_NEW = "like-new"
    ISSUE = "issue"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Queue:
    """It waits: for a person, or for what the policy waits for."""

    waits_for: WaitsFor = WaitsFor.PERSON


@dataclass(frozen=True)
class Issue:
    """Nobody needs to be asked."""


@dataclass(frozen=True)
class Refuse:
    """No, and why; ``text`` reaches the client."""

    fail_info: FailInfo
    text: str


Decision = Queue | Issue | Refuse


@dataclass(frozen=True)
class Rule:
    """``then`` is for the requests that everything given here is true of; the first such rule counts.

    ``subject`` is a pattern for the whole subject (RFC 4514), such as ``CN=*.lab,O=Example``, in which ``*``
    and ``?`` stand for no separator.  ``name`` is one for what the holder will be called: the common names
    and the alternative names' values.  A rule that issues must match all of these, and one at least; any
    other rule is about a request as soon as one of them matches.  One that issues by ``subject`` alone is
    about no request with other names than the common ones.  Case does not count.  Key sizes are in bits.
    """

    then: Decision
    subject: str | None = None
    name: str | None = None
    key_bits_below: int | None = None
    key_bits_above: int | None = None
    source: IPv4Network | IPv6Network | None = None

    def matches(self, submission: Submission) -> bool:
        """Whether this is about that request."""
        return (
            (self.subject is None or _glob(self.subject, within=True)(names.rfc4514(submission.csr.subject)))
            and self._matches_names(submission.csr)
            and (self.key_bits_below is None or submission.csr.public_key().key_size < self.key_bits_below)
            and (self.key_bits_above is None or submission.csr.public_key().key_size > self.key_bits_above)
            and (self.source is None or _from(submission.source, self.source))
        )

    def _matches_names(self, csr: Csr) -> bool:
        common, others = csr.common_names, [each.partition(":")[2] for each in csr.subject_alt_names]
        if self.name is None:
            by_subject = self.subject is not None and isinstance(self.then, Issue)
            return not by_subject or set(others) <= set(common)
        matching = [*map(_glob(self.name), (*common, *others))]
        return bool(matching) and all(matching) if isinstance(self.then, Issue) else any(matching)


def _glob(pattern: str, *, within: bool = False) -> Callable[[str], bool]:
    """Whether a text is of this pattern; ``within``: what is not said does not reach over a separator."""
    some = "[^,+]" if within else "."
    words = {"*": f"{some}*", "?": some}
    regex = "".join(words.get(each) or re.escape(each) for each in pattern)
    return lambda text: re.fullmatch(regex, text, re.IGNORECASE | re.DOTALL) is not None


def _from(source: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(source) in network
    except ValueError:
        return False


@dataclass(frozen=True)
class Policy:
    """How one profile decides.

    ``polls`` and ``after`` belong to AFTER_POLLS and AFTER_TIME (on the lab clock): the poll that makes the
    number full, or comes when the time is over, is answered with the certificate.

    ``own_key_only``: whoever signs with a certificate of his own making must hold the key
    that he asks a certificate for (RFC 8894 section 2.3: SHOULD); old routers sign the request for their
    encryption key with their signature key (``scep.md`` 3.4).  ``clock_skew``: how far a message's
    signingTime may be from the world's time; None does not look.
    """

    decide: Decide = Decide.MANUAL
    polls: int = 3
    after: timedelta = timedelta(minutes=10)
    challenge: ChallengeRule = ChallengeRule.IGNORED
    static_challenges: tuple[bytes, ...] = ()
    otherwise: Otherwise = Otherwise.REFUSE
    bad_challenge: FailInfo = FailInfo.BAD_REQUEST
    renewals: Renewals = Renewals.LIKE_NEW
    rules: tuple[Rule, ...] = ()
    terms: Terms = Terms()
    own_key_only: bool = True
    clock_skew: timedelta | None = None


def decide(submission: Submission, policy: Policy, challenge: ChallengeState) -> Decision:
    """What becomes of a new request whose challenge password was found to be so.

    Not asked about one that is ``never_issued``.  A renewal that its certificate vouches for needs no
    password (RFC 8894 section 2.5).
    """
    # Before any rule: a one-time password that comes twice was seen by two (RFC 8894 section 7.3).
    if challenge is ChallengeState.USED:
        return Refuse(policy.bad_challenge, _WRONG[challenge])
    if submission.renews is not None and policy.renewals is Renewals.REFUSE:
        return _bad("renewal is not allowed here")
    for rule in policy.rules:
        if rule.matches(submission):
            return rule.then
    if submission.vouched and policy.renewals is Renewals.ISSUE:
        return Issue()
    asked = policy.challenge is not ChallengeRule.IGNORED and not submission.vouched
    if asked and challenge is not ChallengeState.RIGHT:
        refusal = Refuse(policy.bad_challenge, _WRONG[challenge])
        return Queue() if policy.otherwise is Otherwise.QUEUE else refusal
    return _STANDING[policy.decide]


# A right challenge password has got to here; of a renewal it was not asked.
_STANDING: dict[Decide, Decision] = {
    Decide.MANUAL: Queue(),
    Decide.AUTOMATIC: Issue(),
    Decide.AFTER_POLLS: Queue(WaitsFor.POLICY),
    Decide.AFTER_TIME: Queue(WaitsFor.POLICY),
    Decide.CHALLENGE: Issue(),
    Decide.REFUSE: Refuse(FailInfo.BAD_REQUEST, "this CA issues nothing at the moment"),
}

_WRONG = {
    ChallengeState.ABSENT: "a challenge password is needed",
    ChallengeState.NOT_CHECKED: "a challenge password is needed",
    ChallengeState.WRONG: "the challenge password is wrong",
    ChallengeState.EXPIRED: "the challenge password has expired",
    ChallengeState.USED: "the challenge password has been used before",
}


def is_due(request: CertificateRequest, policy: Policy, now: datetime) -> bool:
    """Whether a pending request is issued without a person, now that it has been polled for."""
    if request.waits_for is not WaitsFor.POLICY:
        return False
    match policy.decide:
        case Decide.AFTER_POLLS:
            return request.polls >= policy.polls
        case Decide.AFTER_TIME:
            return now >= request.received_at + policy.after
        case _:
            return False


# ------------------------------------------------------------------ what nobody can have, in any profile


def never_issued(submission: Submission, policy: Policy) -> Refuse | None:
    """Why this request cannot be certified whoever decides; None when it can."""
    for check in _CHECKS:
        refusal = check(submission, policy)
        if refusal is not None:
            return refusal
    return None


def _bad(text: str) -> Refuse:
    return Refuse(FailInfo.BAD_REQUEST, text)


def _transaction_id(submission: Submission, _policy: Policy) -> Refuse | None:
    # That it is printable, scep_core has seen to: without that there is no transaction at all.
    if len(submission.transaction_id) > MAX_TRANSACTION_ID:
        return _bad(f"transaction ID: longer than {MAX_TRANSACTION_ID} characters")
    return None


def _size(submission: Submission, _policy: Policy) -> Refuse | None:
    if len(submission.csr.der) > MAX_CSR_BYTES:
        return _bad(f"certification request: larger than {MAX_CSR_BYTES} bytes")
    return None


def _key(submission: Submission, _policy: Policy) -> Refuse | None:
    key = submission.csr.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return Refuse(FailInfo.BAD_ALG, "only RSA keys are certified here")
    if key.key_size not in RSA_BITS:
        return _bad(f"an RSA key of {key.key_size} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are certified here")
    return None


def _readable(submission: Submission, policy: Policy) -> Refuse | None:
    try:
        names.rfc4514(submission.csr.subject)
        certificate_extensions(submission.csr, policy.terms)
    except ValueError:
        return _bad("certification request: a name or an extension cannot be read")
    rdns = names.parse_name(submission.csr.subject)
    if not all(rdns):  # a set of one at least (RFC 5280 section 4.1.2.4)
        return _bad("certification request: a part of the subject is empty")
    named = any(text.strip() for rdn in rdns for _, text in rdn)
    if not named and not submission.csr.subject_alt_names:
        return _bad("certification request: it names nobody")  # section 4.1.2.6
    return None


def _own_key(submission: Submission, policy: Policy) -> Refuse | None:
    # Whoever signs for himself proves nothing but that he holds the key he asks a certificate for.
    # Names are not compared: Cisco's temporary certificate has another subject (scep.md 3.2).
    # One of another CA, which anybody can make up, proves no more.
    signer = submission.signer
    if not policy.own_key_only or submission.own_signer or signer is None:
        return None
    if not same_key(signer.public_key_info, submission.csr.public_key_info):
        return _bad("the message is signed with another key than the one in the request")
    return None


_CHECKS: tuple[Callable[[Submission, Policy], Refuse | None], ...] = (
    _transaction_id,
    _size,
    _key,
    _readable,
    _own_key,
)
