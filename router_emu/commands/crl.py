"""CRLs, as operators see them: fetched by hand, shown, forgotten."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from router_emu import dates
from router_emu.commands import peer_checks, show_pki
from router_emu.commands.context import Context
from router_emu.commands.flow import Effect, Flow, Say, carry
from router_emu.pki.peers.crl_cache import CrlRefused
from router_emu.pki.peers.crl_fetch import fetch_crls, names_no_server
from router_emu.pki.wire import ExchangeFailed, printable, without_password
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal, Texts
from scep_core.certificates import Certificate
from scep_core.crls import Crl, verify_crl


def request(context: Context, args: Args) -> Flow:
    """Fetch a CRL now, or all of a directory's entry; show what is kept, and have it serve from now on."""
    router, texts, place = context.router, context.router.texts, args.text("place")
    crls = yield from _fetched(context, place)
    refusals = []
    for crl in crls:
        try:
            router.pki.crls.put(crl, _issuer(context, crl), place, context.now)
        except CrlRefused as refusal:
            refusals.append(refusal)
        else:
            yield Say(_entry(texts, crl, place))
    if len(refusals) == len(crls):
        raise CliRefusal(texts.crl_refused.format(why=refusals[-1]))


def _fetched(context: Context, place: str) -> Generator[Effect, Any, list[Crl]]:
    """What is at a place; when it names a directory's entry alone, at the first `query url` that has it."""
    router = context.router
    getter = peer_checks.crl_getter(router.config.running, router.pki)
    directories = dict.fromkeys(each.query_url for each in router.pki.settings.values() if each.query_url)
    asked = list(directories) if names_no_server(place) else []
    failures = []
    for directory in asked or [""]:
        try:
            return (yield from carry(fetch_crls(getter, place, directory)))
        except ExchangeFailed as failure:
            failures.append(str(failure))
    why = "; ".join(failures)
    raise CliRefusal(router.texts.crl_failed.format(url=_shown(place), why=why))


def _issuer(context: Context, crl: Crl) -> Certificate:
    """Whose CRL it is: of several CAs of the same name the one whose key verifies it."""
    router = context.router
    trusted = peer_checks.checker(router.config.running, router.pki, with_pool=True).trusts
    authorities = (ca for trust in trusted for ca in (*trust.anchors, *trust.intermediates))
    namesakes = [each for each in authorities if each.subject == crl.issuer]
    for each in namesakes:
        try:
            verify_crl(crl, each)
        except ValueError:
            continue
        return each
    if namesakes:
        return namesakes[0]
    raise CrlRefused(router.texts.crl_no_issuer.format(issuer=show_pki.shown_name(router.texts, crl.issuer)))


def clear(context: Context, _args: Args) -> str:
    """Forget all CRLs: the next check fetches what it needs."""
    context.router.pki.crls.clear()
    return ""


def show(context: Context, _args: Args) -> str:
    """The CRLs that are held, those that ran out too, until others come in their place."""
    texts = context.router.texts
    return "\n".join(_entry(texts, each.crl, each.source) for each in context.router.pki.crls.all())


def _entry(texts: Texts, crl: Crl, source: str) -> str:
    due = crl.next_update
    return "\n".join(
        (
            texts.crl_title,
            texts.crl_issuer.format(issuer=show_pki.shown_name(texts, crl.issuer)),
            texts.crl_last_update.format(instant=dates.change(crl.this_update)),
            texts.crl_next_update.format(instant=dates.change(due)) if due else texts.crl_no_next_update,
            texts.crl_source.format(source=_shown(source)),
        )
    )


def _shown(place: str) -> str:
    return printable(without_password(place))
