"""CAs that make CRLs, a web that serves them, and an exchange carried over it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from router_emu.pki.peers.crl_fetch import Getter
from router_emu.pki.peers.ldap_messages import ResultCode
from router_emu.pki.peers.revocation import ISSUING_DISTRIBUTION_POINT
from router_emu.pki.wire import (
    CISCO,
    Exchange,
    HttpRequest,
    HttpResponse,
    LdapEntries,
    LdapEntry,
    LdapSearch,
    NoResponse,
    Work,
)
from scep_core import algorithms, asn1
from scep_core.certificates import Extension, encode_extensions, signed
from scep_core.cms import Identity
from scep_core.crls import CRL_NUMBER, Crl, read_crl
from scep_core.values import Digest
from tests.router_emu.conftest import THE_CHAPTERS_DAY

NOW = THE_CHAPTERS_DAY
DAY = timedelta(days=1)
POINT = "http://pub.lab/ca.crl"
GETTER = Getter(CISCO, os.urandom)

T = TypeVar("T")


def make_crl(
    issuer: Identity,
    *serial_numbers: int,
    number: int = 1,
    made: datetime = NOW - DAY,
    due: datetime | None = NOW + 6 * DAY,
    key: Identity | None = None,
    extensions: Sequence[Extension] = (),
) -> bytes:
    """A CRL; signed by another with a ``key``."""
    key = key or issuer
    entries = [asn1.sequence_of(asn1.integer(each), asn1.time(made)) for each in serial_numbers]
    crl_number = Extension(CRL_NUMBER, False, asn1.integer(number))
    body = asn1.sequence_of(
        asn1.integer(1),
        algorithms.signature_algorithm(key.key, Digest.SHA256),
        issuer.certificate.subject,
        asn1.time(made),
        asn1.time(due) if due else b"",
        asn1.sequence_of(*entries) if entries else b"",
        asn1.encode(0xA0, encode_extensions([crl_number, *extensions])),
    )
    return signed(body, key.key, Digest.SHA256)


def a_crl(issuer: Identity, *serial_numbers: int, **options: Any) -> Crl:
    """The same, read."""
    return read_crl(make_crl(issuer, *serial_numbers, **options))


def scope(*points: str) -> Extension:
    """An issuingDistributionPoint: the CRL is about the certificates that name one of these."""
    names = [asn1.encode(0x86, each.encode()) for each in points]
    value = asn1.sequence_of(asn1.encode(0xA0, asn1.encode(0xA0, *names)))
    return Extension(ISSUING_DISTRIBUTION_POINT, True, value)


def pem(der: bytes) -> bytes:
    """A CRL in PEM."""
    text = base64.encodebytes(der).decode()
    return f"some text\n-----BEGIN X509 CRL-----\n{text}-----END X509 CRL-----\n".encode()


Attributes = dict[str, list[bytes]]


class Web:
    """Answers by URL: a body, a status, or why there is no answer; ``asked`` are the URLs that were asked.

    It has directories, too: ``entries`` by server and name, attributes by the name that they go by there.
    """

    def __init__(self, **pages: bytes | int | str) -> None:
        self.pages: dict[str, bytes | int | str] = dict(pages)
        self.requests: list[HttpRequest] = []
        self.entries: dict[str, dict[str, Attributes | LdapEntries]] = {}
        self.searches: list[LdapSearch] = []

    @property
    def asked(self) -> Sequence[str]:
        return [each.url for each in self.requests]

    def __call__(self, request: HttpRequest | LdapSearch) -> HttpResponse | LdapEntries | NoResponse:
        return self._found(request) if isinstance(request, LdapSearch) else self._page(request)

    def _found(self, search: LdapSearch) -> LdapEntries | NoResponse:
        self.searches.append(search)
        directory = self.entries.get(f"{search.host}:{search.port}")
        if directory is None:
            return NoResponse("connection refused")
        match directory.get(search.base):
            case None:
                return LdapEntries(result=ResultCode.noSuchObject)
            case LdapEntries() as answer:
                return answer
            case attributes:
                shown = {each: tuple(attributes[each]) for each in search.attributes if each in attributes}
                return LdapEntries((LdapEntry(search.base, tuple(shown.items())),))

    def _page(self, request: HttpRequest) -> HttpResponse | NoResponse:
        self.requests.append(request)
        match self.pages.get(request.url, 404):
            case bytes(body):
                return HttpResponse(200, "application/pkix-crl", body)
            case int(status):
                return HttpResponse(status, "", b"")
            case why:
                return NoResponse(str(why))

    def carry(self, exchange: Exchange[T]) -> T:
        """What an exchange comes to."""
        return carry(exchange, self)


def carry(exchange: Exchange[T], wire: Callable[[Any], object]) -> T:
    """What an exchange comes to over a wire."""
    try:
        request = next(exchange)
        while True:
            request = exchange.send(request.do() if isinstance(request, Work) else wire(request))
    except StopIteration as done:
        result: T = done.value
        return result
