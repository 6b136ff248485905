"""How this router speaks SCEP over HTTP: two wire profiles, ``cisco`` and ``rfc8894``.

``cisco`` is the shape of a real IOS-XE enrolment (``scep.md`` sections 3.1 and 3.2): HTTP/1.0 GET
even where POST is offered, base64 in lines of 64 each ended by ``%0A``, a User-Agent on GetCACert
only, 3DES even where AES is offered.  No capture of IOS XR is public, so that XR does the same is
our assumption.  ``rfc8894`` is what the RFC asks of a new client: POST, AES, SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from router_emu.pki.peers.verdict import Verdict
from scep_core import http
from scep_core.certificates import Certificate
from scep_core.errors import NotAPkiMessage
from scep_core.values import LEGACY, MODERN, AlgorithmPolicy, Algorithms, Capability, Cipher, Digest

_CISCO_USER_AGENT = "Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)"  # scep.md 3.1
_CISCO_LINE = 64
_WITH_SINGLE_DES = AlgorithmPolicy(MODERN.digests, MODERN.ciphers | {Cipher.DES})


@dataclass(frozen=True)
class Limits:
    """What one request may take: seconds of real time, whatever the lab's clock says, and bytes.

    ``connect`` is for each try to connect, TLS's handshake included, of which there may be ``retries`` more;
    ``response`` is for all the rest, up to the answer's last byte.
    """

    connect: float = 10.0
    response: float = 10.0
    retries: int = 0
    body: int = 256 * 1024  # no answer of SCEP but a CRL comes near this


class LdapScope(IntEnum):
    """How far below its base a search goes (RFC 4511 section 4.5.1.2)."""

    BASE = 0
    ONE = 1
    SUB = 2


@dataclass(frozen=True)
class HttpRequest:
    """A request to be sent as it stands: no header is added but Host and Content-Length.

    Over https nothing is sent before ``judge`` has found the server's chain good; without one, whoever
    answers is believed.  With a ``proxy``, ``host:port``, what is for http goes there, with the whole URL as
    its target.
    """

    method: str
    url: str
    version: str = "1.1"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    judge: Judge | None = field(default=None, repr=False)
    proxy: str = ""
    limits: Limits = Limits()
    transaction_id: str = ""  # of SCEP, for those who tell what was sent


@dataclass(frozen=True)
class HttpResponse:
    """What came back; ``content_type`` is lower case, without parameters, empty when absent.

    ``location`` is where else to ask, as the server wrote it.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    location: str = ""


@dataclass(frozen=True)
class LdapSearch:
    """A search in a directory, by an anonymous user (RFC 4511 section 4.5.1).

    ``base`` is by RFC 4514, ``filter`` by RFC 4515; ``limits.body`` is for all entries together.
    """

    host: str
    port: int
    base: str
    attributes: tuple[str, ...]
    scope: LdapScope = LdapScope.BASE
    filter: str = "(objectClass=*)"
    limits: Limits = Limits()


@dataclass(frozen=True)
class LdapEntry:
    """An entry's name and what came of it: the attributes as the server calls them, and their values."""

    name: str
    attributes: tuple[tuple[str, tuple[bytes, ...]], ...] = field(repr=False)


@dataclass(frozen=True)
class LdapEntries:
    """How a search ended: ``result`` is a resultCode of RFC 4511 section 4.1.9, ``text`` the server's words.

    ``referrals`` are where else to ask, by URL; whoever sent them need not have a result of ``referral``.
    """

    entries: tuple[LdapEntry, ...] = ()
    referrals: tuple[str, ...] = ()
    result: int = 0
    text: str = ""


@dataclass(frozen=True)
class NoResponse:
    """Nothing usable came back: refused, timed out, cut off.  ``why`` is for people."""

    why: str


def printable(text: str) -> str:
    """What a peer wrote, fit for a terminal and a log: without line ends and control sequences.

    The name in a CA's certificate is shown before anybody has accepted it.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


_LONGEST_TEXT = 200
LONGEST_REASON = 1000


def shortened(text: str, most: int = _LONGEST_TEXT) -> str:
    """What others wrote, fit for a sentence: printable, and so many characters of it at most."""
    shown = printable(text[: most + 1])
    return shown if len(shown) <= most else shown[:most] + "..."


def without_password(url: str) -> str:
    """A URL fit to be shown: whoever is named in it, and his password, are left out.

    A slash in a password, which should have been escaped, makes a port of its beginning that is none.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    _, colon, port = authority.rpartition(":")
    if colon and "@" not in authority and not port.isdecimal() and not authority.endswith("]"):
        return f"{scheme}{separator}{rest.rpartition('@')[2]}"
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def without_passwords(line: str) -> str:
    """A line that somebody typed, without the passwords of its URLs, of those that lack their slashes too."""
    return re.sub(r"\S+", lambda found: _hidden(found[0]), line)


def _hidden(word: str) -> str:
    if "://" in word:
        return without_password(word)
    before, _, rest = word.partition(":")
    if "@" not in rest or rest.startswith("/") or "=" in before or "email:" in word:
        return word  # a disk's file, a name of somebody
    return f"{before}:{rest.rpartition('@')[2]}"


UNREACHABLE, HTTP_ERROR, NOT_BELIEVED, NOT_SENT = "unreachable", "http-error", "not-believed", "not-sent"


class ExchangeFailed(Exception):
    """An exchange gave no answer that SCEP could use; ``str()`` says why, for people, at bearable length.

    ``what`` is which of the four ways in which it can: one of the names above.
    """

    def __init__(self, why: str, what: str) -> None:
        super().__init__(shortened(why, LONGEST_REASON))
        self.what = what


@dataclass(frozen=True)
class Work:
    """What takes long with what came: ``do`` is called in a thread, so that nobody else waits for it.

    It uses nothing that others change, and returns what is wrong instead of raising it.
    """

    do: Callable[[], object]


T = TypeVar("T")
# Yields requests and is sent an HttpResponse, LdapEntries or a NoResponse, or yields Work and is sent what
# that returned; returns the result; raises ExchangeFailed.
Exchange = Generator[HttpRequest | LdapSearch | Work, Any, T]
# Given the chain that a TLS peer shows, its own certificate first.  It may have to fetch CRLs to know.
Judge = Callable[[Sequence[Certificate]], Exchange[Verdict]]


@dataclass(frozen=True)
class WireProfile:
    """What is free in SCEP over HTTP, as one kind of client does it."""

    name: str
    http_version: str
    user_agent: str
    line_length: int
    may_post: bool
    may_aes: bool
    may_des: bool  # believes answers in single DES
    suffix: bool  # appends /pkiclient.exe to a URL that has a path

    def base_url(self, enrollment_url: str) -> str:
        """Where the CA is: host only means the default path (``scep.md`` section 3.1)."""
        parts = urlsplit(enrollment_url)
        path = parts.path.rstrip("/")
        if not path:
            path = http.DEFAULT_PATH
        elif self.suffix and not path.lower().endswith(http.CGI_SUFFIX):
            path += http.CGI_SUFFIX
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    def algorithms(self, capabilities: frozenset[str]) -> Algorithms:
        """The strongest digest that the CA offers, up to SHA-256; AES or 3DES."""

        def offers(*wanted: Capability) -> bool:
            return any(each.lower() in capabilities for each in (*wanted, Capability.SCEP_STANDARD))

        digest = Digest.SHA256 if offers(Capability.SHA256) else Digest.SHA1
        cipher = Cipher.AES128 if self.may_aes and offers(Capability.AES) else Cipher.DES3
        return Algorithms(digest, cipher)

    def policy(self, digest: Digest | None) -> AlgorithmPolicy:
        """What an answer may use; MD5 only for a trustpoint whose ``message-digest`` that is.

        Single DES is draft-nourse's mandatory cipher, which some CAs answer in whatever they were asked in.
        """
        if digest is Digest.MD5:
            return LEGACY
        return _WITH_SINGLE_DES if self.may_des else MODERN

    def posts(self, capabilities: frozenset[str]) -> bool:
        """Whether a PKIOperation goes by POST."""
        offered = {Capability.POST_PKI_OPERATION.lower(), Capability.SCEP_STANDARD.lower()}
        return self.may_post and bool(capabilities & offered)

    def get(self, base_url: str, query: str, *, with_agent: bool = False) -> HttpRequest:
        """A GET."""
        headers = (("User-Agent", self.user_agent),) if with_agent and self.user_agent else ()
        return HttpRequest("GET", f"{base_url}?{query}", self.http_version, headers)

    def pki_operation(
        self, base_url: str, message: bytes, capabilities: frozenset[str], transaction_id: str
    ) -> HttpRequest:
        """A PKIOperation, by POST or GET."""
        if self.posts(capabilities):
            headers = (("Content-Type", http.TYPE_PKI_MESSAGE),)
            url = f"{base_url}?operation={http.PKI_OPERATION}"
            request = HttpRequest("POST", url, self.http_version, headers, message)
        else:
            query = http.pki_operation_query(message, line_length=self.line_length)
            request = self.get(base_url, query)
        return replace(request, transaction_id=transaction_id)


CISCO = WireProfile(
    "cisco",
    "1.0",
    _CISCO_USER_AGENT,
    _CISCO_LINE,
    may_post=False,
    may_aes=False,
    may_des=True,
    suffix=True,
)
RFC8894 = WireProfile("rfc8894", "1.1", "", 0, may_post=True, may_aes=True, may_des=False, suffix=False)
WIRE_PROFILES = {each.name: each for each in (CISCO, RFC8894)}


def fetch(request: HttpRequest) -> Exchange[HttpResponse]:
    """Send one request; ExchangeFailed unless a 200 came back."""
    response: HttpResponse | NoResponse = yield request
    if isinstance(response, NoResponse):
        raise ExchangeFailed(response.why, UNREACHABLE)
    if response.status != 200:
        raise ExchangeFailed(f"HTTP status {response.status}", HTTP_ERROR)
    return response


def get_ca_certificates(wire: WireProfile, base_url: str, name: str) -> Exchange[tuple[Certificate, ...]]:
    """GetCACert, with the trustpoint's name as the message, as Cisco does."""
    query = http.get_query(http.GET_CA_CERT, name)
    response = yield from fetch(wire.get(base_url, query, with_agent=True))
    try:
        return http.parse_ca_certificates(response.body)
    except NotAPkiMessage as error:
        raise ExchangeFailed(str(error), NOT_BELIEVED) from error


def get_capabilities(wire: WireProfile, base_url: str, name: str) -> Exchange[frozenset[str]]:
    """GetCACaps; a CA that answers with an error has none (RFC 8894 section 3.5.2).

    Only silence is an ExchangeFailed: the CA is not there.
    """
    request = wire.get(base_url, http.get_query(http.GET_CA_CAPS, name))
    response: HttpResponse | NoResponse = yield request
    if isinstance(response, NoResponse):
        raise ExchangeFailed(response.why, UNREACHABLE)
    if response.status != 200:
        return frozenset()
    return http.parse_capabilities(response.body.decode("latin-1"))
