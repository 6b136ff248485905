"""The CRLs that stand at a place in a directory: what is asked, and what of the answer counts.

RFC 4523 has the two attributes, both to be asked for with ``;binary``.  AD CS's URLs leave that away, and
some servers know the attribute by one of the two names only: an entry that shows nothing is asked once more.
What real IOS XR sends nobody has told us (labs.md 6.2): all of this is ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from router_emu.pki.peers.ldap_messages import ResultCode, result_text
from router_emu.pki.peers.ldap_url import LdapUrl, read_place, read_server
from router_emu.pki.wire import (
    NOT_BELIEVED,
    NOT_SENT,
    UNREACHABLE,
    Exchange,
    ExchangeFailed,
    LdapEntries,
    LdapEntry,
    LdapSearch,
    Limits,
    NoResponse,
)

CRL, AUTHORITY_CRL = "certificateRevocationList", "authorityRevocationList"
_BINARY = ";binary"
_NAMES = {"2.5.4.39": CRL.lower(), "2.5.4.38": AUTHORITY_CRL.lower()}
_MOST_CRLS = 16
_MOST_SHOWN = 4


def search_crls(place: str, directory: str, *, of_ca: bool, limits: Limits) -> Exchange[list[bytes]]:
    """What an LDAP URL or a bare name stands for, at least one; ExchangeFailed says why there is none.

    ``directory`` is a ``query url``, empty for none: whom to ask where the place names no server.  Where the
    place names no attribute, authorityRevocationList is asked for ``of_ca`` alone: such a list need not say
    that it is about CAs' certificates only, and would hide that others are revoked.
    """
    try:
        url = read_place(place)
        server = url if url.host else _server(directory)
    except ValueError as error:
        raise ExchangeFailed(str(error), NOT_SENT) from error
    base = url.dn or server.dn
    if not base:
        raise ExchangeFailed("it names no entry", NOT_SENT)
    names = url.attributes or tuple(each + _BINARY for each in (CRL, *((AUTHORITY_CRL,) if of_ca else ())))
    for asked in (names, tuple(map(_other_name, names))):
        search = LdapSearch(server.host, server.port, base, asked, url.scope, url.filter, limits)
        answer: LdapEntries | NoResponse = yield search
        try:
            entries = _entries(answer)
        except ExchangeFailed as failure:
            why = str(failure) if url.host else f"{server.server}: {failure}"
            raise ExchangeFailed(why, failure.what) from None
        if found := _values(entries, names):
            return found
        shown = sorted({called for entry in entries for called, _ in entry.attributes})
        if shown:
            break
    kinds = " or ".join(dict.fromkeys(_without_options(each) for each in names))
    instead = f", but {_several(shown)}" if shown else ""
    raise ExchangeFailed(f"the entry has no {kinds}{instead}", NOT_BELIEVED)


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more


def _server(directory: str) -> LdapUrl:
    if not directory:
        raise ValueError("it names no directory server, and there is no query url")
    try:
        return read_server(directory)
    except ValueError as error:
        raise ValueError(f"the query url cannot be used: {error}") from error


def _entries(answer: LdapEntries | NoResponse) -> tuple[LdapEntry, ...]:
    """What was found, at least one; ExchangeFailed when there is nothing."""
    if isinstance(answer, NoResponse):
        raise ExchangeFailed(answer.why, UNREACHABLE)
    if answer.result == ResultCode.referral or (answer.referrals and not answer.entries):
        where = f" to {', '.join(answer.referrals)}" if answer.referrals else ""
        raise ExchangeFailed(f"the directory refers{where}, which is not followed", NOT_BELIEVED)
    if answer.result == ResultCode.noSuchObject:
        raise ExchangeFailed(f"there is no such entry ({result_text(answer.result)})", NOT_BELIEVED)
    if answer.result != ResultCode.success:
        why = result_text(answer.result, answer.text)
        raise ExchangeFailed(f"the directory answers {why}", NOT_BELIEVED)
    if not answer.entries:
        raise ExchangeFailed("no entry is found", NOT_BELIEVED)
    return answer.entries


def _values(entries: Iterable[LdapEntry], names: tuple[str, ...]) -> list[bytes]:
    """The values of what was asked for, each once."""
    wanted = set(map(_kind, names))
    attributes = (attribute for entry in entries for attribute in entry.attributes)
    found = (value for called, values in attributes if _kind(called) in wanted for value in values)
    return list(dict.fromkeys(found))[:_MOST_CRLS]


def _without_options(attribute: str) -> str:
    return attribute.partition(";")[0]


def _kind(attribute: str) -> str:
    """Equal for one attribute, however it is called: any case, with options or without, by OID."""
    name = _without_options(attribute).lower()
    return _NAMES.get(name, name)


def _other_name(attribute: str) -> str:
    """With ``;binary`` where it is without, and the reverse."""
    name, _, options = attribute.partition(";")
    return name if options else name + _BINARY
