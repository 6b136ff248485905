"""The `crypto ca` commands of a trustpoint: the chapter's dialogues over a real SCEP client, or by paste."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from router_emu.commands import answers, local_enrolment, self_enrolment, show_pki, trustpoints
from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Effect, Flow, Say, carry
from router_emu.pki.attempts import CertificateRefused
from router_emu.pki.keys import Algorithm, Purpose
from router_emu.pki.pasted import read_certificates, request_lines
from router_emu.pki.trustpoint import CaCertificateRefused, Offered, TrustpointSettings, choose_ca
from router_emu.pki.wire import ExchangeFailed, get_ca_certificates, printable, without_password
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal
from scep_core.certificates import Certificate
from scep_core.csr import Csr

PASSWORD_TRIES = 3
LONGEST_CHALLENGE_PASSWORD = 255  # RFC 2985 section 5.4.1
# More than any chain of certificates; nobody's paste is to fill the memory.
_MOST_LINES = 2000


def _settings(context: Context, args: Args) -> TrustpointSettings:
    """The committed configuration of the trustpoint that was typed."""
    router, name = context.router, args.text("name")
    try:
        return trustpoints.read(router.config.running, name, router.fqdn, router.serial_number)
    except KeyError:
        raise CliRefusal(router.texts.no_trustpoint.format(name=name)) from None


def _enrolling(context: Context, args: Args) -> TrustpointSettings:
    """The same, when a CA can be reached by it: over SCEP or by hand."""
    settings, texts = _settings(context, args), context.router.texts
    local_enrolment.check_path(context, settings, args)
    if not settings.terminal and not settings.enrollment_url:
        raise CliRefusal(texts.no_enrollment_url.format(name=settings.name))
    if not settings.terminal and not trustpoints.is_usable(settings.enrollment_url):
        shown = printable(without_password(settings.enrollment_url))
        raise CliRefusal(texts.bad_enrollment_url.format(url=shown))
    return settings


def _certifies_itself(context: Context, args: Args) -> bool:
    settings = _settings(context, args)
    local_enrolment.check_path(context, settings, args)
    return settings.self_signed


# -------------------------------------------------------------------------------------- authenticate


def authenticate(context: Context, args: Args) -> Flow:
    """Get the CA's certificate, show it with its fingerprint, keep it when the operator accepts it."""
    router, texts = context.router, context.router.texts
    if _certifies_itself(context, args):
        yield from self_enrolment.authenticate(context)
        return
    settings = _enrolling(context, args)
    name = settings.name
    if router.pki.trustpoint(name).ca is not None:
        yield Say(texts.authenticate_again.format(name=name))
        sure = yield from answers.yes_or_no(context, texts.authenticate_sure)
        if not sure:
            return
    if settings.terminal:
        certificates = yield from _by_hand(context, settings, args)
    else:
        wire = router.pki.wire
        exchange = get_ca_certificates(wire, wire.base_url(settings.enrollment_url), name)
        try:
            certificates = yield from carry(exchange)
        except ExchangeFailed as failure:
            raise CliRefusal(texts.authenticate_failed.format(name=name, why=failure)) from None
    try:
        offered = choose_ca(certificates, context.now)
    except CaCertificateRefused as refusal:
        raise CliRefusal(texts.authenticate_refused.format(why=refusal)) from None
    _check_same_ca(context, name, offered.ca)
    yield Say(_shown(context, offered))
    accepted = yield from answers.yes_or_no(context, texts.authenticate_question)
    if accepted:
        _enrolling(context, args)  # another session may have removed the trustpoint meanwhile
        _check_same_ca(context, name, offered.ca)  # the router's certificate may have come meanwhile
        state = replace(router.pki.trustpoint(name), ca=offered.ca, ra=offered.ra, above=offered.above)
        router.pki.authenticate(name, state, context.now)


def _shown(context: Context, offered: Offered) -> str:
    """The CA's certificate, and those of the CAs above it: with the one the others are accepted, too."""
    texts = context.router.texts
    return "\n".join(show_pki.ca_certificate(texts, each, indent="") for each in (offered.ca, *offered.above))


def _check_same_ca(context: Context, name: str, ca: Certificate) -> None:
    held = context.router.pki.trustpoint(name)
    if held.own and held.ca != ca:
        raise CliRefusal(context.router.texts.authenticate_other_ca.format(name=name))


def _by_hand(
    context: Context, settings: TrustpointSettings, args: Args
) -> Generator[Effect, Any, tuple[Certificate, ...]]:
    if settings.local:
        return (yield from local_enrolment.read_certificates(context, args))
    return (yield from _pasted(context))


def _pasted(context: Context) -> Generator[Effect, Any, tuple[Certificate, ...]]:
    """What the operator pastes, up to an empty line or "quit"; empty lines before it do not count."""
    texts = context.router.texts
    yield Say(texts.paste_certificate)
    lines: list[str] = []
    while True:
        line = str((yield Ask(""))).strip()
        if line.lower() == "quit" or (lines and not line):
            break
        lines += [line] if line and len(lines) < _MOST_LINES else []
    if not lines:
        raise CliRefusal(texts.paste_refused.format(why=texts.nothing_pasted))
    try:
        return read_certificates("\n".join(lines))
    except ValueError as error:
        raise CliRefusal(texts.paste_refused.format(why=error)) from None


# -------------------------------------------------------------------------------------------- enroll


def enroll(context: Context, args: Args) -> Flow:
    """Ask for the challenge password and start an enrolment for each key; its outcome is a line in the log.

    By hand the requests are printed, or written into a file, instead, and wait for `crypto ca import`.
    """
    router, texts = context.router, context.router.texts
    if _certifies_itself(context, args):
        yield from self_enrolment.enroll(context)
        return
    settings = _enrolling(context, args)
    _check_ready(context, settings)
    if settings.local:
        yield from local_enrolment.check_writable(context, args)
    if router.pki.trustpoint(settings.name).own:
        again = yield from answers.yes_or_no(context, texts.enroll_again)
        if not again:
            return
    yield Say(texts.enroll_start)
    password = ""
    if not settings.skip_challenge_password:
        yield Say(texts.enroll_password)
        password = yield from _challenge_password(context)
    settings = _enrolling(context, args)  # another session may have been at work meanwhile
    _check_ready(context, settings)
    try:
        applications = router.pki.enrol(settings, challenge_password=password, now=context.now)
    except ValueError as error:
        raise CliRefusal(texts.no_request.format(why=error)) from None
    for application in applications:
        if application.purpose is not Purpose.GENERAL:
            usage = texts.key_purposes[application.purpose]
            yield Say(texts.request_title.format(usage=usage))
        fingerprint = show_pki.groups(application.fingerprint)
        yield Say(texts.enroll_fingerprint.format(fingerprint=fingerprint))
        if application.by_hand and application.request is not None and not settings.local:
            yield from _display(context, application.request)
    if settings.local:
        requests = [each.request for each in applications if each.request is not None]
        try:
            yield from local_enrolment.write_requests(context, args, requests)
        except CliRefusal:
            router.pki.cancel(settings.name, context.now)  # a request that nobody can read waits for nothing
            raise


def _display(context: Context, request: Csr) -> Flow:
    texts = context.router.texts
    display = yield from answers.yes_or_no(context, texts.request_question)
    while display:
        yield Say(texts.request_shown.format(request=request_lines(request)))
        display = yield from answers.yes_or_no(context, texts.request_again)


def _check_ready(context: Context, settings: TrustpointSettings) -> None:
    router, texts, name = context.router, context.router.texts, settings.name
    if router.pki.trustpoint(name).ca is None:
        raise CliRefusal(texts.not_authenticated.format(name=name))
    if not router.pki.keys.find(Algorithm.RSA, settings.key_label):
        raise CliRefusal(texts.no_key.format(label=settings.key_label))
    if router.config.running.text("domain name") is None:
        raise CliRefusal(texts.no_domain_name)
    if any(attempt.waits_for_the_ca for attempt in router.pki.attempts_of(name)):
        raise CliRefusal(texts.already_enrolling.format(name=name))


def _challenge_password(context: Context) -> Generator[Effect, Any, str]:
    """The password, typed twice alike; empty for none.  CliRefusal after three failed tries."""
    texts = context.router.texts
    for _ in range(PASSWORD_TRIES):
        first = str((yield Ask(texts.password_question, echo=False)))
        second = str((yield Ask(texts.password_again, echo=False)))
        if first == second:
            if len(first) > LONGEST_CHALLENGE_PASSWORD:
                raise CliRefusal(texts.password_too_long.format(most=LONGEST_CHALLENGE_PASSWORD))
            return first
        yield Say(texts.password_mismatch)
    raise CliRefusal(texts.password_given_up)


def cancel(context: Context, args: Args) -> str:
    """Give up the enrolments of a trustpoint; what the CA has, it keeps."""
    settings = _settings(context, args)
    if not context.router.pki.cancel(settings.name, context.now):
        raise CliRefusal(context.router.texts.nothing_to_cancel.format(name=settings.name))
    return ""


# --------------------------------------------------------------------------------- import, and clear


def import_certificate(context: Context, args: Args) -> Flow:
    """Take the router's certificate, pasted or in a file; for usage keys once for each, in any order."""
    router, texts = context.router, context.router.texts
    settings = _settings(context, args)
    if not settings.terminal:
        raise CliRefusal(texts.import_not_terminal.format(name=settings.name))
    local_enrolment.check_path(context, settings, args)
    _check_importing(context, settings)
    certificates: Sequence[Certificate] = yield from _by_hand(context, settings, args)
    settings = _settings(context, args)  # another session may have been at work meanwhile
    _check_importing(context, settings)
    try:
        router.pki.install(settings, certificates, context.now)
    except CertificateRefused as refusal:
        raise CliRefusal(texts.import_refused.format(why=refusal)) from None
    yield Say(texts.imported)


def _check_importing(context: Context, settings: TrustpointSettings) -> None:
    router, texts = context.router, context.router.texts
    if router.pki.trustpoint(settings.name).ca is None:
        raise CliRefusal(texts.not_authenticated.format(name=settings.name))
    if not router.pki.keys.find(Algorithm.RSA, settings.key_label):
        raise CliRefusal(texts.no_key.format(label=settings.key_label))


def clear(context: Context, args: Args) -> str:
    """Remove all certificates of a trustpoint; what is pending is given up."""
    context.router.pki.clear(_settings(context, args).name, context.now)
    return ""
