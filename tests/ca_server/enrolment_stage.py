"""Requests, challenge passwords and renewals: what tests of enrolment share."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ca_server.domain.challenges import ChallengeRule
from ca_server.domain.ledger import AuditFilter, Slice
from ca_server.domain.policy import Decide, Refuse
from ca_server.domain.revocation import Reason
from scep_core import certificates, names
from scep_core.cms import Identity
from scep_core.messages import PkcsReq, RenewalReq
from scep_core.values import Digest, FailInfo

ONE_TIME = {"decide": Decide.CHALLENGE, "challenge": ChallengeRule.ONE_TIME}
PER_DEVICE = {"decide": Decide.CHALLENGE, "challenge": ChallengeRule.PER_DEVICE}
NO = Refuse(FailInfo.BAD_REQUEST, "not here")
TYPES = pytest.mark.parametrize("kind", [PkcsReq, RenewalReq], ids=["19", "17"])


def ask(client, password=None, **options):
    """A request with this challenge password."""
    return client.seal(PkcsReq(client.csr(challenge=password)), **options)


def ask_for(client, *extensions, kind=PkcsReq, key=None, challenge=None, **options):
    """A request for these extensions."""
    return client.seal(kind(client.csr(extensions=extensions, key=key, challenge=challenge)), **options)


def renewal(client, kind=RenewalReq, key=None, **options):
    return client.seal(kind(client.csr(key=key, **options)))


def new_challenge(lab, **options):
    settings = {"device": None, "once": True, "valid_for": timedelta(hours=1)} | options
    return lab.desks.challenges.new(**settings, by="operator", now=lab.clock.now())[1]


def audit(lab, what):
    return lab.store.audit(AuditFilter(what=what), Slice())


def revoke(lab, certificate, reason=Reason.KEY_COMPROMISE):
    serial_number = certificate.serial_number
    lab.desks.revocation.revoke(serial_number, reason=reason, by="operator", now=lab.clock.now())


def signs_with(client, certificate):
    """The client signs with its certificate from now on."""
    client.identity = Identity(certificate, client.key)


def enrol(lab, client, **options):
    """Enrol, whoever decides; the client signs with its certificate from then on."""
    lab.send(client, client.seal(PkcsReq(client.csr(**options))))
    request = lab.requests[-1]
    if request.state == "pending":
        lab.approve(request.id)
    [issued] = lab.send(client, client.poll()).certificates
    signs_with(client, issued)
    return issued


def dns(*hosts):
    return certificates.ext_subject_alt_name([("DNS", each.encode()) for each in hosts])


def subject_of(*texts, kind=names.COMMON_NAME, organization="x.lab"):
    return names.build_name([[(names.ORGANIZATION, organization)], *([(kind, each)] for each in texts)])


def of_another_ca(stranger, client, *, issuer=None):
    """A certificate of the client's key, issued by somebody else, under our CA's name if under no other."""
    made = certificates.build_certificate(
        serial_number=1,
        issuer=issuer or client.authority.ca.certificate.subject,
        subject=client.subject,
        public_key_info=client.public_key_info,
        not_before=client.identity.certificate.not_before,
        not_after=client.identity.certificate.not_after,
        extensions=[],
        key=stranger.key,
        digest=Digest.SHA256,
    )
    return Identity(made, client.key)
