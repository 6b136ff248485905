"""Carry one ``LdapSearch`` over the network; what is said ``ldap_messages`` knows."""

from __future__ import annotations

import asyncio

from router_emu.adapters.failures import why_not
from router_emu.pki.peers.ldap_messages import UNBIND, SearchSession
from router_emu.pki.wire import LdapEntries, LdapSearch, NoResponse

_CHUNK = 256 * 1024


async def send(search: LdapSearch) -> LdapEntries | NoResponse:
    """What was found, or why there is no answer, within the search's limits."""
    try:
        async with asyncio.timeout(search.limits.connect):
            reader, writer = await asyncio.open_connection(search.host, search.port, limit=_CHUNK)
        try:
            async with asyncio.timeout(search.limits.response):
                return await _converse(SearchSession(search), reader, writer)
        finally:
            writer.close()
    except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError
        return NoResponse(why_not(error, search.host))


async def _converse(
    session: SearchSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> LdapEntries | NoResponse:
    writer.write(session.start())
    while session.answer is None:
        await writer.drain()
        data = await reader.read(_CHUNK)
        if data:
            writer.write(session.receive(data))
        else:
            session.end()
    writer.write(UNBIND)
    return session.answer
