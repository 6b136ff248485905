"""`enrollment self`: `authenticate` makes the router's own CA, `enroll` the router's certificate by it.

That the two are made by these two commands, and the words, is ours.
"""

from __future__ import annotations

from router_emu.commands import answers, show_pki, trustpoints
from router_emu.commands.context import Context
from router_emu.commands.flow import Flow, Say
from router_emu.pki import self_signed
from router_emu.pki.attempts import Report, title_of
from router_emu.pki.keys import OwnKey, Purpose
from router_emu.pki.self_signed import SYSTEM_TRUSTPOINT, KeyName, SelfEnrolment
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.texts import CliRefusal
from scep_core.certificates import Certificate


def authenticate(context: Context) -> Flow:
    """Make the CA's certificate, in the place of one that is there once the operator is sure."""
    router, texts = context.router, context.router.texts
    held = router.pki.trustpoint(SYSTEM_TRUSTPOINT)
    if held.ca is not None:
        yield Say(texts.authenticate_again.format(name=SYSTEM_TRUSTPOINT))
        if held.own:
            yield Say(texts.self_removes_own)
        sure = yield from answers.yes_or_no(context, texts.authenticate_sure)
        if not sure:
            return
    settings, wanted = _configured(context)
    [key, *_] = _keys(context, wanted.ca_key)
    try:
        ca = self_signed.make_ca(settings, wanted, key, context.now, router.pki.random_bytes)
    except ValueError as error:
        raise CliRefusal(texts.self_refused.format(why=error)) from None
    router.pki.authenticate(SYSTEM_TRUSTPOINT, TrustpointState(ca=ca), context.now)
    yield Say(show_pki.ca_certificate(texts, ca, indent=""))


def enroll(context: Context) -> Flow:
    """Make the router's certificate, or the two of its usage keys."""
    router, texts = context.router, context.router.texts
    _authority(context)
    if router.pki.trustpoint(SYSTEM_TRUSTPOINT).own:
        again = yield from answers.yes_or_no(context, texts.enroll_again)
        if not again:
            return
    settings, wanted = _configured(context)
    authority = _authority(context)
    made: list[tuple[Purpose, Certificate]] = []
    try:
        for key in _keys(context, wanted.key):
            certificate = self_signed.make_certificate(
                settings, wanted, key, authority, context.now, router.pki.random_bytes
            )
            made.append((key.purpose, certificate))
    except ValueError as error:
        raise CliRefusal(texts.self_refused.format(why=error)) from None
    for purpose, certificate in made:
        router.pki.hold_own(SYSTEM_TRUSTPOINT, purpose, certificate, context.now)
        router.log_enrolment(Report("issued", title_of(SYSTEM_TRUSTPOINT, purpose)), context.now)
    yield Say(texts.self_issued)


def _configured(context: Context) -> tuple[TrustpointSettings, SelfEnrolment]:
    """What is committed now: another session may have been at work while a question waited."""
    router = context.router
    running, texts = router.config.running, router.texts
    try:
        settings = trustpoints.read(running, SYSTEM_TRUSTPOINT, router.fqdn, router.serial_number)
    except KeyError:
        raise CliRefusal(texts.no_trustpoint.format(name=SYSTEM_TRUSTPOINT)) from None
    if not settings.self_signed:
        raise CliRefusal(texts.self_no_more.format(name=SYSTEM_TRUSTPOINT))
    return settings, trustpoints.read_self_enrolment(running)


def _keys(context: Context, name: KeyName) -> tuple[OwnKey, ...]:
    """The keys of this name; of RSA's usage keys the signing one is the first."""
    keys = context.router.pki.keys.find(name.algorithm, name.label)
    if not keys:
        text = context.router.texts.self_no_key
        raise CliRefusal(text.format(kind=name.algorithm.upper(), label=name.label))
    return keys


def _authority(context: Context) -> tuple[Certificate, OwnKey]:
    """The CA and its key, if they can still sign."""
    router, texts = context.router, context.router.texts
    ca = router.pki.trustpoint(SYSTEM_TRUSTPOINT).ca
    if ca is None:
        raise CliRefusal(texts.not_authenticated.format(name=SYSTEM_TRUSTPOINT))
    if not ca.not_before <= context.now <= ca.not_after:
        raise CliRefusal(texts.self_ca_expired.format(name=SYSTEM_TRUSTPOINT))
    key = router.pki.keys.having(ca.public_key_info)
    if key is None:
        raise CliRefusal(texts.self_ca_key_lost.format(name=SYSTEM_TRUSTPOINT))
    return ca, key
