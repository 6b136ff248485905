"""Names of places in a directory: LDAP URLs (RFC 4516), Cisco's shapes of them, and bare names.

``ldap://dir.lab/CN=ca-1,O=Lab?certificateRevocationList;binary`` says it all.  ``ldap:///CN=ca-1,O=Lab``, as
AD CS writes it, Cisco's ``ldap://CN=ca-1,O=Lab`` (labs.md 6.2) and ``CN=ca-1,O=Lab`` name no server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

from router_emu.pki.peers.ldap_filter import encode_filter
from router_emu.pki.wire import LdapScope

PORT = 389
_SCHEME = re.compile(r"ldap://", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9.;_-]{0,126}")
_MOST_ATTRIBUTES = 16
_SCOPES = {"": LdapScope.BASE, "base": LdapScope.BASE, "one": LdapScope.ONE, "sub": LdapScope.SUB}
_EVERYTHING = "(objectClass=*)"


@dataclass(frozen=True)
class LdapUrl:
    """A place in a directory; ``host``, ``dn`` and ``attributes`` are empty where nothing is said."""

    host: str = ""
    port: int = PORT
    dn: str = ""
    attributes: tuple[str, ...] = ()
    scope: LdapScope = LdapScope.BASE
    filter: str = _EVERYTHING

    @property
    def server(self) -> str:
        """Host and port, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_place(text: str) -> LdapUrl:
    """The place that an LDAP URL or a bare name means; ValueError says what is wrong with it.

    An extension is passed over unless it is critical (RFC 4516 section 2).
    """
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is None:
        return LdapUrl(dn=text)
    where, *parts = text[scheme.end() :].split("?")
    if len(parts) > 4:
        raise ValueError("the URL has too many parts")
    attributes, scope, given, extensions = (_decoded(part) for part in (parts + [""] * 4)[:4])
    if scope.lower() not in _SCOPES:
        raise ValueError("the URL has no scope of LDAP's")
    if any(each.strip().startswith("!") for each in extensions.split(",")):
        raise ValueError("the URL has a critical extension, and none is understood")
    authority, _, path = where.partition("/")
    user, at, _host = authority.rpartition("@")
    if at and (":" in user or "=" not in user):
        raise ValueError("the URL names a user, and directories are asked as nobody")
    if "=" in authority:  # no host has that: it is Cisco's shape without the third slash
        host, port, path = "", PORT, where
    else:
        host, port = _server(authority)
    given = given or _EVERYTHING
    encode_filter(given)
    return LdapUrl(host, port, _decoded(path), _attributes(attributes), _SCOPES[scope.lower()], given)


def read_server(text: str) -> LdapUrl:
    """What a ``query url`` says: a URL with a server, or ``host:port`` alone; ValueError when it is none."""
    url = read_place(text if "://" in text else f"ldap://{text}")
    if not url.host:
        raise ValueError("it is no ldap://host")
    return url


def _decoded(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise ValueError("the URL's escapes are not UTF-8") from error


def _attributes(text: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(",") if each.strip() not in ("", "*"))
    if len(found) > _MOST_ATTRIBUTES or not all(map(_ATTRIBUTE.fullmatch, found)):
        raise ValueError("the URL's attributes cannot be read")
    return found


def _server(authority: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("the URL's address cannot be read")
        try:
            host, port = str(IPv6Address(host)), port[1:]
        except ValueError as error:
            raise ValueError("the URL's address cannot be read") from error
    else:
        host, _, port = authority.partition(":")
        if host and not _HOST.fullmatch(host):
            raise ValueError("the URL's host cannot be read")
    if not port:
        return host, PORT
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError("the URL's port cannot be read")
    return host, int(port)
