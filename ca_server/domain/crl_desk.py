"""The CA's CRLs: made when a certificate is revoked, when the last one runs out, and when somebody asks.

A CRL is made and kept inside a transaction about its issuer's certificates.  So it has all revocations that
were answered before it, and its number is the last one's plus 1, whichever process makes it and however often
the lab was started.  Every generation of the CA has a name of its own and counts for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ca_server.domain.authority import Authorities, Ca
from ca_server.domain.ledger import (
    ABOUT_SETTINGS,
    AuditEntry,
    IssuedCrl,
    Store,
    Transaction,
    What,
    about_certificates_of,
)
from scep_core.algorithms import PrivateKey
from scep_core.certificates import key_identifier
from scep_core.crls import RevokedEntry, build_crl, read_crl
from scep_core.values import Digest

SERVING = "crl-serving"  # a setting's name


class NoSuchCrl(LookupError):
    """There is no CRL of this name, or it is not to be had at the moment."""


class Serving(StrEnum):
    """What is handed out, over HTTP and by GetCRL, to whoever asks for a CRL; all but NORMAL is for tests.

    One thing is wrong at a time: entries and number are those of the CRL of now.
    """

    NORMAL = "normal"
    EXPIRED = "expired"  # dated back: its next update was a day before the CRL of now was made
    WRONG_SIGNER = "wrong-signer"  # the CA's name and key identifier, but signed by its RA
    HUGE = "huge"  # with 100,000 further entries
    MISSING = "missing"


SPOILT = (Serving.EXPIRED, Serving.WRONG_SIGNER, Serving.HUGE)
_EXPIRED_FOR = timedelta(days=1)  # Java forgives a quarter of an hour
FURTHER_ENTRIES = 100_000
# Of 136 bits, where ours have at most 128 (``authority.new_serial_number``): nobody has such a one.
_FURTHER_SERIAL_NUMBERS = range(1 << 135, (1 << 135) + FURTHER_ENTRIES)


@dataclass(frozen=True)
class CrlSettings:
    """How often a CRL is made when nothing happens, and how much longer than that each one lasts.

    As AD CS comes: a week, and a tenth of that more, but at most twelve hours (its own help, "Schedule
    publication of the CRL").  None for ``overlap`` is that rule.
    """

    period: timedelta = timedelta(days=7)
    overlap: timedelta | None = None

    def next_update(self, this_update: datetime) -> datetime:
        """Until when a CRL of then is good."""
        return this_update + self.period + self._overlap

    def is_due(self, crl: IssuedCrl, now: datetime) -> bool:
        """Whether it is time for the next one."""
        return now >= crl.next_update - self._overlap

    @property
    def _overlap(self) -> timedelta:
        return min(self.period / 10, timedelta(hours=12)) if self.overlap is None else self.overlap


class CrlDesk:
    """Makes CRLs and hands them out.  Safe to use from several threads and processes over one store."""

    def __init__(self, store: Store, authorities: Authorities, settings: CrlSettings | None = None) -> None:
        self._store = store
        self._authorities = authorities
        self._settings = settings or CrlSettings()
        # A spoilt CRL costs a signature, and is asked for as often as a good one: (issuer, how) -> (of, it).
        self._spoilt: dict[tuple[str, Serving], tuple[IssuedCrl, IssuedCrl]] = {}

    def crl(self, issuer: str, now: datetime) -> bytes:
        """Return the CRL of the CA of this name as it is served; NoSuchCrl."""
        return self.served_crl(issuer, now).der

    def served_crl(self, issuer: str, now: datetime) -> IssuedCrl:
        """Return the CRL of the CA of this name as it is served, with its dates; NoSuchCrl."""
        return self.crl_as(self.serving(), issuer, now)

    def crl_as(self, serving: Serving, issuer: str, now: datetime) -> IssuedCrl:
        """Return the CRL of the CA of this name as it is when it is served so; NoSuchCrl."""
        if serving is Serving.MISSING:
            raise NoSuchCrl("the CRL is missing, as this lab was told to have it")
        crl = self.current_crl(issuer, now)
        return crl if serving is Serving.NORMAL else self._spoil(crl, serving)

    def current_crl(self, issuer: str, now: datetime) -> IssuedCrl:
        """Return the true CRL of the CA of this name, made anew when its time has come; NoSuchCrl."""
        latest = self._store.latest_crl(issuer)
        if latest is not None and not self._settings.is_due(latest, now):
            return latest
        ca = self._ca(issuer)
        with self._store.write(about_certificates_of(issuer)) as ledger:
            latest = ledger.latest_crl(issuer)  # another may have made it while we waited
            if latest is None or self._settings.is_due(latest, now):
                latest = self._reissue(ledger, ca, now)
            return latest

    def current_crls(self, now: datetime) -> Sequence[IssuedCrl]:
        """Return the true CRLs of all CAs, oldest generation first."""
        return [self.current_crl(ca.name, now) for ca in self._authorities().cas]

    def issue_crl(self, issuer: str | None = None, *, by: str, now: datetime) -> Sequence[IssuedCrl]:
        """Make new CRLs now: that of the CA of this name, or those of all; NoSuchCrl."""
        issued = []
        for ca in self._authorities().cas if issuer is None else (self._ca(issuer),):
            with self._store.write(about_certificates_of(ca.name)) as ledger:
                crl = self._reissue(ledger, ca, now)
                ledger.add_audit(AuditEntry(What.CRL, by, now, text=f"CRL {crl.number} of {ca.name}"))
            issued.append(crl)
        return issued

    def serving(self) -> Serving:
        """Return what is handed out."""
        return Serving(self._store.setting(SERVING) or Serving.NORMAL)

    def set_serving(self, serving: Serving, *, by: str, now: datetime) -> None:
        """Have something else handed out, by every process."""
        with self._store.write(ABOUT_SETTINGS) as ledger:
            ledger.set_setting(SERVING, serving.value)
            ledger.add_audit(AuditEntry(What.CRL_SERVING, by, now, text=str(serving)))

    def _ca(self, issuer: str) -> Ca:
        for ca in self._authorities().cas:
            if ca.name == issuer:
                return ca
        raise NoSuchCrl(f"there is no CA {issuer}")

    def _reissue(self, ledger: Transaction, ca: Ca, now: datetime) -> IssuedCrl:
        """Make and keep the next CRL of a CA; the transaction is about its certificates."""
        last = ledger.latest_crl(ca.name)
        # Another machine's clock may have been ahead (RFC 5280 section 5.1.2.4: no CRL is older than its
        # predecessor).
        now = now if last is None else max(now, last.this_update)
        # As of the last one: a certificate that has ended since is listed once more (RFC 5280 section 3.3).
        as_of = now if last is None else last.this_update
        crl = IssuedCrl(
            issuer=ca.name,
            number=1 if last is None else last.number + 1,
            this_update=now,
            next_update=self._settings.next_update(now),
            der=b"",
        )
        revoked = [
            RevokedEntry(each.serial_number, each.revoked_at, each.reason, each.invalidity_date)
            for each in ledger.revoked_certificates(ca.name, as_of)
            if each.revoked_at is not None
        ]
        crl = _signed(crl, ca, ca.identity.key, revoked)
        ledger.add_crl(crl)
        return crl

    def _spoil(self, crl: IssuedCrl, serving: Serving) -> IssuedCrl:
        of, spoilt = self._spoilt.get((crl.issuer, serving), (None, None))
        if spoilt is None or of != crl:
            ca = self._ca(crl.issuer)
            key, spoilt, revoked = ca.identity.key, crl, read_crl(crl.der).revoked
            if serving is Serving.EXPIRED:
                age = crl.next_update - crl.this_update + _EXPIRED_FOR
                spoilt = replace(crl, this_update=crl.this_update - age, next_update=crl.next_update - age)
            elif serving is Serving.HUGE:
                revoked += tuple(RevokedEntry(each, crl.this_update) for each in _FURTHER_SERIAL_NUMBERS)
            else:
                # The same key in every process, and a mistake that happens: only the CA may sign its CRL.
                key = next(each.ra_signing.key for each in self._authorities().authorities if ca in each.cas)
            spoilt = _signed(spoilt, ca, key, revoked)
            self._spoilt[crl.issuer, serving] = (crl, spoilt)
        return spoilt


def _signed(crl: IssuedCrl, ca: Ca, key: PrivateKey, revoked: Sequence[RevokedEntry]) -> IssuedCrl:
    """The CRL with its bytes; ``key`` signs, whatever the CA's own is."""
    der = build_crl(
        issuer=ca.certificate.subject,
        key=key,
        digest=Digest.SHA256,
        this_update=crl.this_update,
        next_update=crl.next_update,
        revoked=revoked,
        number=crl.number,
        authority_key_id=key_identifier(ca.certificate.public_key_info),
    )
    return replace(crl, der=der)
