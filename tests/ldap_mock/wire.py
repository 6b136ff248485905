"""The clients' side of LDAP, for tests: requests written, responses read; filters as ldap3 encodes them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ldap3.operation.search import search_operation
from pyasn1.codec.ber import encoder

from ldap_mock import ber

BASE, ONE, SUB = 0, 1, 2
PAGED = "1.2.840.113556.1.4.319"


def string(text: str | bytes) -> bytes:
    return ber.encode(ber.OCTET_STRING, text.encode() if isinstance(text, str) else text)


def message(number: int, operation: bytes, *controls: bytes) -> bytes:
    parts = [ber.integer(number), operation]
    if controls:
        parts.append(ber.encode(0xA0, *controls))
    return ber.encode(ber.SEQUENCE, *parts)


def control(oid: str, *, critical: bool = False, value: bytes | None = None) -> bytes:
    parts = [string(oid)]
    parts += [ber.encode(ber.BOOLEAN, b"\xff")] if critical else []
    parts += [string(value)] if value is not None else []
    return ber.encode(ber.SEQUENCE, *parts)


def page(size: int, cookie: bytes = b"") -> bytes:
    return control(PAGED, value=ber.encode(ber.SEQUENCE, ber.integer(size), string(cookie)))


def bind(number: int, name: str = "", password: str = "", version: int = 3) -> bytes:
    credentials = ber.encode(0x80, password.encode())
    return message(number, ber.encode(0x60, ber.integer(version), string(name), credentials))


def filter_of(text: str) -> bytes:
    """A filter in octets, as ldap3 reads it from text."""
    request = encoder.encode(search_operation("", text, "BASE", "NEVER", [], 0, 0, False, True, True))
    element = list(ber.elements(ber.whole(request).content))[6]
    return ber.encode(element.tag, element.content)


def search(
    number: int,
    base: str,
    scope: int = SUB,
    asked: str | bytes = "(objectClass=*)",
    attributes: Iterable[str] = (),
    *controls: bytes,
    size: int = 0,
    seconds: int = 0,
    types_only: bool = False,
) -> bytes:
    parts = [string(base), ber.integer(scope, ber.ENUMERATED), ber.integer(0, ber.ENUMERATED)]
    parts += [ber.integer(size), ber.integer(seconds)]
    parts.append(ber.encode(ber.BOOLEAN, b"\xff" if types_only else b"\0"))
    parts.append(asked if isinstance(asked, bytes) else filter_of(asked))
    parts.append(ber.encode(ber.SEQUENCE, *map(string, attributes)))
    return message(number, ber.encode(0x63, *parts), *controls)


def compare(number: int, entry: str, attribute: str, value: str | bytes) -> bytes:
    assertion = ber.encode(ber.SEQUENCE, string(attribute), string(value))
    return message(number, ber.encode(0x6E, string(entry), assertion))


def extended(number: int, name: str) -> bytes:
    return message(number, ber.encode(0x77, ber.encode(0x80, name.encode())))


def abandon(number: int, other: int) -> bytes:
    return message(number, ber.integer(other, 0x50))


def unbind(number: int) -> bytes:
    return message(number, b"\x42\x00")


@dataclass(frozen=True)
class Response:
    """A response: of an entry its name and attributes, else the result."""

    number: int
    tag: int
    code: int = 0
    matched: str = ""
    text: str = ""
    dn: str = ""
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
    referrals: tuple[str, ...] = ()
    name: str = ""
    value: bytes | None = None
    cookie: bytes | None = None


def response(octets: bytes) -> Response:
    number, operation, *controls = ber.elements(ber.whole(octets).content)
    fields = list(ber.elements(operation.content))
    found = ber.to_integer(number.content), operation.tag
    if operation.tag == 0x64:
        attributes = {}
        for element in ber.elements(fields[1].content):
            kind, values = ber.elements(element.content)
            attributes[kind.content.decode()] = [value.content for value in ber.elements(values.content)]
        return Response(*found, dn=fields[0].content.decode(), attributes=attributes)
    rest = {each.tag: each.content for each in fields[3:]}
    cookie = None
    for each in ber.elements(controls[0].content) if controls else ():
        cookie = list(ber.elements(ber.whole(list(ber.elements(each.content))[-1].content).content))[
            1
        ].content
    return Response(
        *found,
        code=ber.to_integer(fields[0].content),
        matched=fields[1].content.decode(),
        text=fields[2].content.decode(),
        referrals=tuple(each.content.decode() for each in ber.elements(rest.get(0xA3, b""))),
        name=rest.get(0x8A, b"").decode(),
        value=rest.get(0x8B),
        cookie=cookie,
    )


def responses(octets: bytes) -> list[Response]:
    found = []
    while octets:
        end = (ber.header(octets) or (0, 0, 0))[2]
        found.append(response(octets[:end]))
        octets = octets[end:]
    return found


class Client:
    """A client on a socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._buffer = b""

    def send(self, *octets: bytes) -> None:
        self.socket.sendall(b"".join(octets))

    def __iter__(self) -> Iterator[Response]:
        """What comes, until the server closes the connection."""
        while True:
            found = ber.header(self._buffer)
            while found is None or found[2] > len(self._buffer):
                octets = self.socket.recv(1 << 20)
                if not octets:
                    assert not self._buffer, "the connection ended inside a message"
                    return
                self._buffer += octets
                found = ber.header(self._buffer)
            whole, self._buffer = self._buffer[: found[2]], self._buffer[found[2] :]
            yield response(whole)

    def ask(self, request: bytes) -> list[Response]:
        """Send a request; all that comes up to its result."""
        self.send(request)
        found = []
        for each in self:
            found.append(each)
            if each.tag not in {0x64, 0x73}:
                break
        return found

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()
