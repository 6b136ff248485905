"""A router's host and SSH server over its real adapters, and asyncssh's client with X.509 (RFC 6187)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from router_emu.adapters.host import RouterHost
from router_emu.adapters.ssh import SshServer
from router_emu.adapters.storage import RouterFolder
from scep_core.certificates import Certificate
from sceplab.clock import LabClock
from tests.router_emu.pki_lab import PASSWORD, Lab

FQDN = "r1.lab.example"
Connect = Callable[..., Any]


def configure(lab: Lab, *lines: str) -> None:
    lab.type("configure", *lines, "commit", "end")
    assert lab.router.config.sessions == []


@asynccontextmanager
async def serving(
    lab: Lab, folder: Path, *, trusted: Sequence[Certificate] = (), clock: LabClock | None = None
) -> AsyncIterator[tuple[RouterHost, Connect]]:
    """The router at work; ``trusted`` are whose host certificates clients believe."""
    host = RouterHost(
        lab.router, clock or LabClock(), RouterFolder(folder / "r1"), ("admin", PASSWORD), lambda *_: None
    )
    server = SshServer(host, host_key=host.host_key(), bind="127.0.0.1", port=0)
    host.followers.append(server.follow)
    await server.start()
    host.start()

    authorities = [asyncssh.import_certificate(each.der) for each in trusted]

    def connect(**options: Any) -> Any:
        """Log in, to any host that shows a plain key, or a certificate of our CA for the router's name."""
        return asyncssh.connect(
            "127.0.0.1",
            server.port,
            x509_trusted_certs=authorities,
            **{
                "known_hosts": None,
                "username": "admin",
                "password": PASSWORD,
                "client_keys": None,
                "config": None,
                "host_key_alias": FQDN,
                "x509_purposes": "serverAuth",
                **options,
            },
        )

    try:
        yield host, connect
    finally:
        await server.stop()
        await host.stop()
