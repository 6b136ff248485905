"""`crypto ca authenticate` and `crypto ca enroll`: the chapter's dialogues over a real SCEP client."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from router_emu.commands import answers, show_pki
from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Effect, Flow, Perform, Say
from router_emu.pki.keys import DEFAULT_LABEL
from router_emu.pki.trustpoint import (
    CaCertificateRefused,
    TrustpointSettings,
    TrustpointState,
    choose_ca,
)
from router_emu.pki.wire import Exchange, ExchangeFailed, get_ca_certificates
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal
from scep_core.certificates import Certificate
from scep_core.values import Digest

TRUSTPOINT = "crypto ca trustpoint"
PASSWORD_TRIES = 3


def read_settings(context: Context, name: str) -> TrustpointSettings:
    """The committed configuration of a trustpoint that can enrol by SCEP; CliRefusal if it cannot."""
    texts = context.router.texts
    block = context.router.config.running.block(TRUSTPOINT, name)
    if block is None:
        raise CliRefusal(texts.no_trustpoint.format(name=name))
    url = block.text("enrollment url")
    if url is None:
        raise CliRefusal(texts.no_enrollment_url.format(name=name))
    if not _is_usable(url):
        raise CliRefusal(texts.bad_enrollment_url.format(url=url))
    return TrustpointSettings(
        name=name,
        enrollment_url=url,
        retry_period=timedelta(minutes=block.number("enrollment retry period")),
        retry_count=block.number("enrollment retry count"),
        key_label=block.text("rsakeypair") or DEFAULT_LABEL,
        subject_name=block.text("subject-name") or "",
    )


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def authenticate(context: Context, args: Args) -> Flow:
    """Fetch the CA's certificate, show it with its fingerprint, keep it when the operator accepts it."""
    router, texts, name = context.router, context.router.texts, args.text("name")
    settings = read_settings(context, name)
    wire = router.pki.wire
    certificates = yield from _online(
        context, name, get_ca_certificates(wire, wire.base_url(settings.enrollment_url), name)
    )
    try:
        ca, ra = choose_ca(certificates, context.now)
    except CaCertificateRefused as refusal:
        raise CliRefusal(texts.authenticate_refused.format(why=refusal)) from None
    _check_same_ca(context, name, ca)
    yield Say(texts.authenticate_shown.format(certificate=show_pki.ca_certificate(texts, ca, indent="")))
    accepted = yield from answers.yes_or_no(context, texts.authenticate_question)
    if accepted:
        _check_same_ca(context, name, ca)  # the router's certificate may have come meanwhile
        state = TrustpointState(ca, ra, router.pki.trustpoint(name).router)
        router.pki.authenticate(name, state, context.now)


def _check_same_ca(context: Context, name: str, ca: Certificate) -> None:
    held = context.router.pki.trustpoint(name)
    if held.router is not None and held.ca != ca:
        raise CliRefusal(context.router.texts.authenticate_other_ca.format(name=name))


def _online(
    context: Context, name: str, exchange: Exchange[tuple[Certificate, ...]]
) -> Generator[Effect, Any, tuple[Certificate, ...]]:
    """Run an exchange while the operator waits; CliRefusal when it fails."""
    try:
        request = next(exchange)
        while True:
            response = yield Perform(request)
            request = exchange.send(response)
    except StopIteration as done:
        certificates: tuple[Certificate, ...] = done.value
        return certificates
    except ExchangeFailed as failure:
        raise CliRefusal(context.router.texts.authenticate_failed.format(name=name, why=failure)) from None


def enroll(context: Context, args: Args) -> Flow:
    """Ask for the challenge password and start the enrolment; its outcome is a line in the log."""
    router, texts, name = context.router, context.router.texts, args.text("name")
    settings = read_settings(context, name)
    _check_ready(context, settings)
    held = router.pki.trustpoint(name)
    if held.router is not None:
        again = yield from answers.yes_or_no(context, texts.enroll_again)
        if not again:
            return
    yield Say(texts.enroll_start)
    password = yield from _challenge_password(context)
    _check_ready(context, settings)  # another session may have been at work meanwhile
    try:
        application = router.pki.enrol(
            settings, fqdn=router.fqdn, challenge_password=password, now=context.now
        )
    except ValueError as error:
        raise CliRefusal(texts.no_request.format(why=error)) from None
    fingerprint = show_pki.groups(application.request.fingerprint(Digest.MD5))
    yield Say(texts.enroll_fingerprint.format(fingerprint=fingerprint))


def _check_ready(context: Context, settings: TrustpointSettings) -> None:
    router, texts = context.router, context.router.texts
    if router.pki.trustpoint(settings.name).ca is None:
        raise CliRefusal(texts.not_authenticated.format(name=settings.name))
    if settings.key_label not in router.pki.keys:
        raise CliRefusal(texts.no_key.format(label=settings.key_label))
    if router.config.running.text("domain name") is None:
        raise CliRefusal(texts.no_domain_name)
    if settings.name in router.pki.attempts:
        raise CliRefusal(texts.already_enrolling.format(name=settings.name))


def _challenge_password(context: Context) -> Generator[Effect, Any, str]:
    """The password, typed twice alike; empty for none.  CliRefusal after three failed tries."""
    texts = context.router.texts
    for _ in range(PASSWORD_TRIES):
        first = str((yield Ask(texts.password_question, echo=False)))
        second = str((yield Ask(texts.password_again, echo=False)))
        if first == second:
            return first
        yield Say(texts.password_mismatch)
    raise CliRefusal(texts.password_given_up)
