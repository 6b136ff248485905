"""When a router's certificate is renewed, and by what: ``auto-enroll``, on the lab clock.

XR starts when a percentage of the certificate's life is over (YANG: "auto-enroll percentage at which renewal
will be triggered").  It renews for the same key: the models know no ``regenerate``, which is how IOS makes a
new one, and a key that other configuration names by its label is not to change unasked [U].  What it does
when a renewal fails is not written anywhere; ours: again after a day, sooner when less than two days are
left, as long as the certificate is valid, for with an expired one nothing can be signed.

A certificate that ends with its CA is not renewed by it: the next CA is asked for its successor, which then
waits in the shadow (Cisco's technote 211322, of IOS).  See ``rollover``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router_emu.pki.keys import Algorithm, KeyPair, KeyRing, Purpose
from router_emu.pki.request import Application, make_application, slot_of
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from scep_core.certificates import Certificate

_AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class Renewal:
    """A certificate that is to be renewed in time, before it or its CA ends.

    ``rolls_over`` if that is for the next CA to do.
    """

    settings: TrustpointSettings
    purpose: Purpose
    certificate: Certificate
    end: datetime
    rolls_over: bool

    @property
    def slot(self) -> str:
        """What its enrolment goes by."""
        return slot_of(self.settings.name, self.purpose)

    @property
    def due(self) -> datetime:
        """The instant at which the configured part of its life is over."""
        life = self.certificate.not_after - self.certificate.not_before
        return self.certificate.not_before + life * (self.settings.auto_enroll or 100) / 100

    def next_try(self, now: datetime) -> datetime:
        """When to try again after a failure; the retry period is the least."""
        return now + max(self.settings.retry_period, min(_AGAIN, (self.end - now) / 2))

    def apply(self, keys: KeyRing, base_url: str, now: datetime) -> Application:
        """The application, signed with the certificate itself; ValueError says why there can be none."""
        if now > self.end:
            raise ValueError("the certificate has expired")
        for key in keys.find(Algorithm.RSA, self.settings.key_label):
            if isinstance(key, KeyPair) and key.public_key_info == self.certificate.public_key_info:
                return make_application(
                    self.settings,
                    key,
                    base_url=base_url,
                    challenge_password="",
                    now=now,
                    renewed=self.certificate,
                    to_next_ca=self.rolls_over,
                )
        raise ValueError("the certificate's key is no more")


def renewals(
    settings: Mapping[str, TrustpointSettings], held: Mapping[str, TrustpointState]
) -> Iterator[Renewal]:
    """Every certificate that ``auto-enroll`` is about: those that a CA issued over SCEP.

    For one whose successor waits already there is nothing to do.
    """
    for name, each in settings.items():
        over_scep = not each.terminal and not each.self_signed
        if name in held and each.auto_enroll is not None and over_scep:
            state = held[name]
            for purpose, certificate in state.own.items():
                if purpose not in state.shadows:
                    ends = certificate.not_after, (state.ca or certificate).not_after
                    rolls_over = state.ca is not None and certificate.not_after >= state.ca.not_after
                    yield Renewal(each, purpose, certificate, min(ends), rolls_over)
