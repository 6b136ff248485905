"""A router's identity, key and all, taken out of the lab as PKCS #12: for a real IKE daemon, say."""

from __future__ import annotations

import re
import secrets

from sceplab.errors import LabError
from sceplab.router_shell import RouterShell, Screen

TRUSTPOINT = re.compile(r"^crypto ca trustpoint (\S+)$", re.MULTILINE)
SAID = re.compile(r"^% .*", re.MULTILINE)


def find_trustpoints(shell: RouterShell) -> list[str]:
    """List the names of the trustpoints that the router is configured with."""
    return TRUSTPOINT.findall(shell.run("show running-config crypto ca trustpoint").text)


def export_identity(shell: RouterShell, trustpoint: str, password: str) -> bytes:
    """Have the router write its key and certificates, fetch the file, and leave none there.

    LabError says what the router says when it refuses.
    """
    path = f"disk0:/{secrets.token_hex(8)}.p12"
    screen = shell.run(f"crypto ca export {trustpoint} pkcs12 {path}")
    if screen.waits_for != "password":
        raise LabError(_said(screen))
    shell.run(password)
    screen = shell.run(password)
    if SAID.search(screen.text):
        raise LabError(_said(screen))
    return shell.take_file(path)


def _said(screen: Screen) -> str:
    """Return the router's own words."""
    said = SAID.findall(screen.text)
    return str(said[-1]) if said else screen.text.strip()
