"""The trust pool's commands: a bundle imported, what was downloaded removed, and both shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from router_emu import dates
from router_emu.commands import disk, show_pki
from router_emu.commands.context import Context
from router_emu.commands.copy import hide_password
from router_emu.commands.disk import DiskRefusal
from router_emu.commands.flow import Effect, Flow, Perform, Say, carry
from router_emu.commands.http_client import DownloadFailed
from router_emu.pki.pool.bundle import MOST_OCTETS, BundleRefused
from router_emu.pki.pool.refresh import State
from router_emu.pki.wire import printable, without_password
from router_emu.syntax.match import Args
from router_emu.texts import MODERN, CliRefusal, Texts
from scep_core.certificates import Certificate

_WEB = ("http://", "https://")
_DISKS = ("disk0:", "harddisk:")


def import_bundle(context: Context, args: Args) -> Flow:
    """Have a bundle take the place of all that was downloaded; on any failure nothing changes."""
    texts, keeper, source = context.router.texts, context.router.pki.pool, args.text("url")
    shown = printable(without_password(source))
    hide_password(context, source, shown)
    if not source.lower().startswith(_WEB) and not source.lstrip("/").startswith(_DISKS):
        raise CliRefusal(texts.trustpool_no_source.format(name=shown))
    yield Say(texts.trustpool_reading.format(source=shown))
    try:
        data = yield from _read(context, source)
        bundle = yield from carry(keeper.read(data, context.now))
        if isinstance(bundle, BundleRefused):
            raise bundle
    except (BundleRefused, DiskRefusal, DownloadFailed) as failure:
        keeper.not_imported(source, str(failure), context.now)
        raise CliRefusal(_sentence(texts, failure)) from None
    keeper.install(bundle, source, context.now)
    if bundle.signer is None:
        yield Say(texts.trustpool_unsigned)
    count = len(bundle.certificates)
    certificates = texts.trustpool_one if count == 1 else texts.trustpool_several.format(count=count)
    yield Say(texts.trustpool_imported.format(certificates=certificates))


def clean(context: Context, args: Args) -> Flow:
    """Remove what was downloaded; with a URL another bundle takes its place, if it can be had and is good."""
    if "url" in args.values:
        yield from import_bundle(context, args)
        return
    count = context.router.pki.pool.clean(context.now)
    yield Say(context.router.texts.trustpool_cleaned.format(count=count))


def _read(context: Context, source: str) -> Generator[Effect, Any, bytes]:
    if source.lower().startswith(_WEB):
        return (yield from carry(context.router.fetch_bundle(source, context.now)))
    # One octet too many says that there are too many.
    data: bytes = yield Perform(disk.ReadFile(source, MOST_OCTETS + 1))
    return data


def _sentence(texts: Texts, failure: BundleRefused | DiskRefusal | DownloadFailed) -> str:
    match failure:
        case DownloadFailed():
            return texts.trustpool_not_had.format(source=failure.url, why=failure)
        case BundleRefused():
            return texts.trustpool_refused.format(why=failure)
        case _:
            return texts.no_file.format(why=failure)


def show(context: Context, _args: Args) -> str:
    """All certificates of the pool, the built-in ones first; each says so when it is not active."""
    pool, texts = context.router.pki.pool.pool, context.router.texts
    shown = [
        *((texts.trustpool_built_in, each) for each in pool.built_in),
        *((texts.trustpool_downloaded, each) for each in pool.downloaded),
    ]
    return "\n\n".join("\n".join((title, *_certificate(context, each))) for title, each in shown)


def _certificate(context: Context, certificate: Certificate) -> Iterator[str]:
    """In both wordings as the chapter has it: this is its newer half, whose layout is that of MODERN."""
    yield MODERN.ca_title
    if not context.router.pki.pool.pool.is_active(certificate):
        yield MODERN.status.format(status=MODERN.trustpool_inactive)
    yield show_pki.ca_certificate(MODERN, certificate, indent="  ")


def show_policy(context: Context, _args: Args) -> str:
    """What is configured, the earliest end, where the certificates are from, and what comes next."""
    texts, keeper = context.router.texts, context.router.pki.pool
    policy, pool = keeper.policy, keeper.pool
    ending = pool.earliest_end(context.now)
    url = printable(without_password(policy.cabundle_url))
    lines = [
        texts.trustpool_policy,
        texts.trustpool_end.format(instant=dates.change(ending.not_after))
        if ending
        else texts.trustpool_no_end,
        texts.trustpool_location.format(url=url) if url else texts.trustpool_no_location,
        texts.trustpool_crl_optional if policy.crl_optional else texts.trustpool_crl,
    ]
    if policy.description:
        lines.append(texts.trustpool_description.format(text=policy.description))
    if policy.vrf:
        lines.append(texts.trustpool_vrf.format(name=policy.vrf))
    if pool.imported_at is not None:
        instant = dates.change(pool.imported_at)
        lines.append(texts.trustpool_source.format(instant=instant, source=pool.source))
    lines += [
        texts.trustpool_next.format(instant=dates.change(due), what=what) for due, _, what in keeper.timers()
    ]
    if keeper.machine.state is State.FETCHING:
        lines.append(texts.trustpool_fetching)
    return "\n".join(lines)
