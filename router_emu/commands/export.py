"""`crypto ca export`: a trustpoint's identity, for a real IKE daemon to be this router.

No XR exports private keys; the lab's identities are good for the lab alone.
"""

from __future__ import annotations

from router_emu.commands import disk, trustpoints
from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Flow, Say
from router_emu.pki.identity import NoIdentity, export_identity, find_identity
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal


def export_pkcs12(context: Context, args: Args) -> Flow:
    """Write key, certificate and CAs into a file on the router's disks, under a password."""
    router, texts = context.router, context.router.texts
    name, path = args.text("name"), args.text("path")
    if router.config.running.block(trustpoints.TRUSTPOINT, name) is None:
        raise CliRefusal(texts.no_trustpoint.format(name=name))
    try:
        find_identity(router.pki.trustpoint(name), router.pki.keys)
    except NoIdentity as why:
        raise CliRefusal(texts.export_refused.format(name=name, why=why)) from None
    yield Say(texts.export_password)
    password = str((yield Ask(texts.password_question, echo=False)))
    again = str((yield Ask(texts.password_again, echo=False)))
    if password != again:
        raise CliRefusal(texts.export_mismatch)
    if not password:
        raise CliRefusal(texts.export_no_password)
    try:  # again: another session may have been at work meanwhile
        data = export_identity(name, router.pki.trustpoint(name), router.pki.keys, password.encode())
    except NoIdentity as why:
        raise CliRefusal(texts.export_refused.format(name=name, why=why)) from None
    yield from disk.write_file(context, path, data)
    yield Say(texts.exported.format(path=path))
