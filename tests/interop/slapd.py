"""OpenLDAP's server, with the entries that a test wants, in a folder and a process of its own."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.programs import SECONDS, program, run

SUFFIX = "O=Lab"
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
referral ldap://elsewhere.lab
{more}
database mdb
suffix "{suffix}"
directory {folder}/data
maxsize 67108864
"""
_ENTRY = "dn: {dn}\nobjectClass: organizationalRole\nobjectClass: pkiCA\ncn: {name}\n"


def entry(name: str, *crls: bytes, attribute: str = "certificateRevocationList;binary") -> str:
    """An entry of a CA, in LDIF, with these CRLs or none."""
    values = "".join(f"{attribute}:: {base64.b64encode(each).decode()}\n" for each in crls)
    return _ENTRY.format(dn=f"CN={name},{SUFFIX}", name=name) + values


@contextmanager
def serve(folder: Path, *entries: str, more: str = "") -> Iterator[str]:
    """Run it; ``host:port``.  ``more`` are lines of its configuration."""
    slapd, configuration = program("/usr/sbin/slapd"), folder / "slapd.conf"
    (folder / "data").mkdir()
    configuration.write_text(CONFIGURATION.format(folder=folder, suffix=SUFFIX, more=more))
    top = f"dn: {SUFFIX}\nobjectClass: organization\no: Lab\n"
    (folder / "entries.ldif").write_text("\n".join([top, *entries]))
    run([slapd, "-T", "add", "-f", str(configuration), "-l", str(folder / "entries.ldif")])
    with socket.create_server(("127.0.0.1", 0)) as probe:  # it cannot say which port it took
        address = probe.getsockname()
    where = f"127.0.0.1:{address[1]}"
    command = [slapd, "-f", str(configuration), "-h", f"ldap://{where}", "-d", "none"]
    log = (folder / "slapd.log").open("ab")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait_for(address, server, folder / "slapd.log")
            yield where
        finally:
            server.kill()


def _wait_for(address: tuple[str, int], server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = monotonic() + SECONDS
    while True:
        with socket.socket() as client:
            if client.connect_ex(address) == 0:
                return
        assert server.poll() is None, log.read_text()
        assert monotonic() < deadline, "slapd took too long"
