"""`enrollment local`: the CA's certificate, the request and the answer go by files on the router's disks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from router_emu.commands import disk
from router_emu.commands.context import Context
from router_emu.commands.flow import Effect, Flow, Say
from router_emu.pki.pasted import certificates_in_file, request_pem
from router_emu.pki.trustpoint import TrustpointSettings
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal
from scep_core.certificates import Certificate
from scep_core.csr import Csr

# More than any chain of certificates.
_MOST_BYTES = 1 << 20


def check_path(context: Context, settings: TrustpointSettings, args: Args) -> None:
    """A path belongs to the command just where the trustpoint enrols by files; CliRefusal."""
    texts = context.router.texts
    if settings.local and "path" not in args:
        raise CliRefusal(texts.local_needs_path.format(name=settings.name))
    if "path" in args and not settings.local:
        raise CliRefusal(texts.local_not_configured.format(name=settings.name))


def check_writable(context: Context, args: Args) -> Flow:
    """The file that was named can be made, or replaced; CliRefusal."""
    path = args.text("path")
    entry = yield from disk.look_up(context, path)
    if entry is not None and entry.is_folder:
        raise CliRefusal(context.router.texts.not_written.format(why=f"{path}: not a file"))


def read_certificates(context: Context, args: Args) -> Generator[Effect, Any, tuple[Certificate, ...]]:
    """The certificates in the file that was named; CliRefusal."""
    data = yield from disk.read_file(context, args.text("path"), _MOST_BYTES)
    try:
        return certificates_in_file(data)
    except ValueError as error:
        raise CliRefusal(context.router.texts.paste_refused.format(why=error)) from None


def write_requests(context: Context, args: Args, requests: Sequence[Csr]) -> Flow:
    """Write the request, or the two of usage keys, into the file that was named, in PEM."""
    path = args.text("path")
    pem = "".join(map(request_pem, requests))
    yield from disk.write_file(context, path, pem.encode())
    yield Say(context.router.texts.local_written.format(path=path))
