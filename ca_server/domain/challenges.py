"""Challenge passwords: giving them out, checking them, and what it means when one comes twice.

Nothing here keeps a password.  What rests in the database is a keyed hash, as RFC 8894 section 7.3 advises,
and the key rests in the state folder: whoever steals the database alone can neither use a password nor try
guesses on its hash.  A fast hash will do for the same reason; a slow one would be a present to whoever
sends garbage.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ca_server.domain.ledger import (
    ABOUT_CHALLENGES,
    AuditEntry,
    Challenge,
    Reader,
    Slice,
    Store,
    Transaction,
    What,
)
from ca_server.domain.requests import ChallengeState

# NDES's PasswordLength, PasswordMax and PasswordValidity as they come (scep.md 2.2, 2.3).
PASSWORD_BYTES = 8
_RANDOM = re.compile(r"[0-9A-F]{16}")
NDES_CACHE = 5
NDES_VALIDITY = timedelta(minutes=60)
# Both passwords of single-password servers that were published have 32 hexadecimal digits: sscep#46, and
# the eleventh server in cryptlib's test/s_scep.c.
SINGLE_PASSWORD_BYTES = 16

MAX_TEXT = 255  # the upper bound of a challengePassword (RFC 2985 section 5.4.1); ours for a device's name


class BadChallenge(ValueError):
    """Such a challenge password cannot be given out; the text says why."""


class NoSuchChallenge(LookupError):
    """There is no challenge with this id."""


class CacheFull(Exception):
    """As many of NDES's passwords are open as it keeps at a time."""


class ChallengeUsed(Exception):
    """Another request has used the one-time challenge since it was checked."""


class ChallengeRule(StrEnum):
    """What a profile asks of a request's challenge password; ``check`` says what each means."""

    IGNORED = "ignored"
    STATIC = "static"
    ONE_TIME = "one-time"
    PER_DEVICE = "per-device"


class Use(StrEnum):
    """What a secret is for.  The same words hash differently in each use, and no hash stands for another."""

    CHALLENGE = "challenge"
    ENROLMENT = "enrolment"  # the password of an enrolment, by which its certificate can be revoked
    TOKEN = "token"
    SINGLE_PASSWORD = "single-password"  # no secret of anybody's: ours is derived here


class Hasher:
    """Keyed hashes (HMAC-SHA-256) of secrets; ``key`` is 32 random bytes that are never in the database."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key has 32 bytes")
        self._key = key

    def digest(self, secret: str, use: Use = Use.CHALLENGE) -> bytes:
        """Return the hash of a secret, 32 bytes.  Any text has one, even one that is not Unicode."""
        text = f"{use}\0{secret}".encode(errors="surrogatepass")
        return hmac.digest(self._key, text, "sha256")

    def matches(self, secret: str, digest: bytes, use: Use = Use.CHALLENGE) -> bool:
        """Whether this is the secret's hash, in a time that tells nothing."""
        return hmac.compare_digest(self.digest(secret, use), digest)

    def single_password(self) -> str:
        """Return NDES's password in its single-password mode (registry: UseSinglePassword).

        It is made from the key: the same for as long as the state folder lives, and kept nowhere.
        Its ``digest`` is one of the static ones.
        """
        return self.digest("", Use.SINGLE_PASSWORD)[:SINGLE_PASSWORD_BYTES].hex().upper()


@dataclass(frozen=True)
class Checked:
    """What a challenge password turned out to be, and which one it is where that is known."""

    state: ChallengeState
    challenge: Challenge | None = None


def check(
    reader: Reader,
    hasher: Hasher,
    *,
    rule: ChallengeRule,
    static: Sequence[bytes],
    password: str | None,
    names: Sequence[str],
    now: datetime,
) -> Checked:
    """What a request's challenge password is under a profile's rule.

    * No password, or an empty one, is ABSENT under every rule.
    * IGNORED: NOT_CHECKED; one that was given out on NDES's page is used up all the same.
    * STATIC: RIGHT when its hash is one of ``static``; what was given out to one person or device is not.
    * ONE_TIME: RIGHT for one that can be used once.  If it is bound to a device, it must be that device.
    * PER_DEVICE: RIGHT for one that is bound to the device, whether it can be used once or lasts.

    A device is known by ``names``, what it calls itself in the request, in any case of letters: all of
    these must be its own, with the domain or without.

    One that is used up is USED whoever brings it, and even after its end: a password that comes twice
    was seen by two, and that is worth an alarm (RFC 8894 section 7.3).  Another device's is WRONG, and
    only a right one can be EXPIRED.
    """
    if not password:
        return Checked(ChallengeState.ABSENT)
    if rule is ChallengeRule.IGNORED:
        return Checked(ChallengeState.NOT_CHECKED, _given_out(reader, hasher, password, now))
    digest = hasher.digest(password)
    if rule is ChallengeRule.STATIC:
        right = [hmac.compare_digest(digest, each) for each in static]  # all of them, whichever it is
        return Checked(ChallengeState.RIGHT if any(right) else ChallengeState.WRONG)
    challenge = reader.challenge(digest)
    if challenge is None:
        return Checked(ChallengeState.WRONG)
    return Checked(_state(challenge, rule, names, now), challenge)


def _state(challenge: Challenge, rule: ChallengeRule, names: Sequence[str], now: datetime) -> ChallengeState:
    if challenge.used_at is not None:
        return ChallengeState.USED
    if rule is ChallengeRule.ONE_TIME:
        suits = challenge.once and (challenge.device is None or _is_named(challenge.device, names))
    else:
        suits = challenge.device is not None and _is_named(challenge.device, names)
    if not suits:
        return ChallengeState.WRONG
    if challenge.expires_at is not None and now >= challenge.expires_at:
        return ChallengeState.EXPIRED
    return ChallengeState.RIGHT


def _given_out(reader: Reader, hasher: Hasher, password: str, now: datetime) -> Challenge | None:
    """The open one-time challenge for everybody that this is; only what looks like one is looked up."""
    found = reader.challenge(hasher.digest(password)) if _RANDOM.fullmatch(password) else None
    is_open = found is not None and found.device is None and _state(found, ChallengeRule.ONE_TIME, (), now)
    return found if is_open is ChallengeState.RIGHT else None


def _is_named(device: str, names: Sequence[str]) -> bool:
    """Whether all of the names are the device's: its own, or its host name without the domain."""
    own = device.casefold()
    return bool(names) and all(
        name.casefold() == own or own.startswith(f"{name.casefold()}.") for name in names
    )


def revocation_digest(hasher: Hasher, rule: ChallengeRule, password: str | None) -> bytes | None:
    """The hash of an enrolment's password, by which its certificate can be revoked; None when it has none.

    One that all devices share is none, or each could revoke the others' certificates.
    """
    if not password or rule is ChallengeRule.STATIC:
        return None
    return hasher.digest(password, Use.ENROLMENT)


def record(ledger: Transaction, checked: Checked, *, request_id: int, now: datetime) -> None:
    """Use up the challenge of a request that is taken in; nothing to do for one that lasts or is not right.

    ChallengeUsed when another request was quicker: let it undo the transaction, and check again.
    """
    challenge = checked.challenge
    fits = checked.state in (ChallengeState.RIGHT, ChallengeState.NOT_CHECKED)
    if not fits or challenge is None or not challenge.once:
        return
    if not ledger.use_challenge(challenge, by=request_id, now=now):
        raise ChallengeUsed(f"challenge {challenge.id} has been used in the meantime")


def alarm(ledger: Transaction, checked: Checked, *, source: str, transaction_id: str, now: datetime) -> None:
    """Write into the audit that a used challenge came again: from where, and who was the first.

    The entry's request is the first one.  Nothing to do for any other outcome.
    """
    challenge = checked.challenge
    if checked.state is not ChallengeState.USED or challenge is None:
        return
    whose = "" if challenge.device is None else f" of {challenge.device}"
    text = (
        f"challenge {challenge.id}{whose}, used by request {challenge.used_by}, "
        f"came again in transaction {transaction_id}"
    )
    ledger.add_audit(AuditEntry(What.ALARM, source, now, request_id=challenge.used_by, text=text))


class ChallengeDesk:
    """Where operators and NDES's page get challenge passwords.  Each one given out leaves an audit line."""

    def __init__(self, store: Store, hasher: Hasher, random_bytes: Callable[[int], bytes]) -> None:
        self._store = store
        self._hasher = hasher
        self._random_bytes = random_bytes

    def new(
        self,
        *,
        device: str | None,
        once: bool,
        valid_for: timedelta | None,
        by: str,
        now: datetime,
        password: str | None = None,
    ) -> tuple[Challenge, str]:
        """Give out a challenge password; return what is kept of it, and the password, which is not.

        It is 16 hexadecimal digits, or the operator's own words for one device; nobody else may have been
        given the same.  One that lasts must be for a device, too: without, it would be a static one.
        ``valid_for`` None: without an end.  BadChallenge when it cannot be given out.
        """
        if device is None and not once:
            raise BadChallenge("a challenge password for everybody can be used once only")
        if device is None and password is not None:
            raise BadChallenge("a chosen challenge password is for one device")
        if device is not None:
            _check_text("a device's name", device)
        if password is None:
            password = self._random_password()
        else:
            _check_text("a challenge password", password)
        end = _end(now, valid_for)
        with self._store.write(ABOUT_CHALLENGES) as ledger:
            return self._add(ledger, password, device=device, once=once, end=end, by=by, now=now), password

    def ndes_password(self, *, by: str, now: datetime) -> str:
        """Give out a password as NDES's page does: for one use within 60 minutes of lab time.

        CacheFull when five are open.  The one-time ones for everybody that ``new`` has given out are
        among them, since there is one cache.
        """
        with self._store.write(ABOUT_CHALLENGES) as ledger:
            if ledger.open_challenges(now) >= NDES_CACHE:
                raise CacheFull(f"{NDES_CACHE} passwords are open")
            password = self._random_password()
            self._add(ledger, password, device=None, once=True, end=now + NDES_VALIDITY, by=by, now=now)
        return password

    def single_password(self) -> str:
        """Return what NDES's page shows in its single-password mode; see ``Hasher.single_password``."""
        return self._hasher.single_password()

    def list(self, part: Slice) -> Sequence[Challenge]:
        """Return a part of the challenges, used and expired ones among them."""
        return self._store.challenges(part)

    def withdraw(self, challenge_id: int, *, by: str, now: datetime) -> None:
        """Forget a challenge, so that its password is wrong from now on: NoSuchChallenge, BadChallenge.

        One that is used up is not forgotten, or its coming again would be no alarm.
        """
        with self._store.write(ABOUT_CHALLENGES) as ledger:
            found = self._store.challenges(Slice(after=challenge_id - 1, limit=1))
            if not found or found[0].id != challenge_id:
                raise NoSuchChallenge(f"there is no challenge {challenge_id}")
            if found[0].used_at is not None:
                raise BadChallenge(f"challenge {challenge_id} is used up already")
            ledger.withdraw_challenge(challenge_id)
            ledger.add_audit(AuditEntry(What.CHALLENGE_WITHDRAWN, by, now, text=f"challenge {challenge_id}"))

    def _random_password(self) -> str:
        return self._random_bytes(PASSWORD_BYTES).hex().upper()

    def _add(
        self,
        ledger: Transaction,
        password: str,
        *,
        device: str | None,
        once: bool,
        end: datetime | None,
        by: str,
        now: datetime,
    ) -> Challenge:
        digest = self._hasher.digest(password)
        if ledger.challenge(digest) is not None:
            raise BadChallenge("somebody has this challenge password already")
        challenge = ledger.add_challenge(Challenge(digest, device, once, now, by, end))
        ledger.add_audit(AuditEntry(What.CHALLENGE, by, now, text=_summary(challenge)))
        return challenge


def _summary(challenge: Challenge) -> str:
    uses = "for one use" if challenge.once else "lasting"
    whose = "" if challenge.device is None else f", for {challenge.device}"
    end = "" if challenge.expires_at is None else f", until {challenge.expires_at:%Y-%m-%d %H:%M:%S}"
    return f"challenge {challenge.id}, {uses}{whose}{end}"


def _check_text(what: str, text: str) -> None:
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable():
        raise BadChallenge(f"{what} has 1 to {MAX_TEXT} printable characters")


def _end(now: datetime, valid_for: timedelta | None) -> datetime | None:
    if valid_for is None:
        return None
    if valid_for <= timedelta():
        raise BadChallenge("a challenge password is valid for some time")
    try:
        return now + valid_for
    except OverflowError:
        raise BadChallenge("a challenge password's validity ends within the calendar") from None
