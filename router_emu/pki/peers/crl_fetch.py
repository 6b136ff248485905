"""Ways to a CRL: by HTTP, from a directory, or by SCEP's GetCRL.  What comes is read, not verified."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from router_emu.pki.keys import KeyPair, KeyRing, Purpose
from router_emu.pki.peers.ldap_crl import search_crls
from router_emu.pki.peers.ldap_url import read_place
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.pki.wire import (
    NOT_BELIEVED,
    NOT_SENT,
    Exchange,
    ExchangeFailed,
    HttpRequest,
    Limits,
    WireProfile,
    Work,
    fetch,
    get_capabilities,
    printable,
)
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.codec import open_reply, seal_request
from scep_core.crls import Crl, read_crl
from scep_core.errors import LocalError, NotAPkiMessage, PeerError
from scep_core.messages import Failure, GetCrl, ReplyMessage, Success
from scep_core.values import NONCE_LENGTH

LARGEST_CRL = 8 * 1024 * 1024
LARGEST_ENTRY = 2 * LARGEST_CRL  # a directory may have the same list under both names
# What is larger takes so long to read that everybody would notice.
_LONG_TO_READ = 64 * 1024
_TRANSACTION_ID_LENGTH = 16
_WRONG_URL = "it is not a URL"  # urlsplit's own words repeat passwords
_PEM = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"
T = TypeVar("T")


@dataclass(frozen=True)
class Getter:
    """With what a CRL is fetched.  ``proxy``, ``host:port``, is asked instead of a URL's own host.

    Of ``limits`` the times count.
    """

    wire: WireProfile
    random_bytes: RandomBytes
    proxy: str = ""
    limits: Limits = field(default_factory=Limits)


def fetch_crls(
    getter: Getter, place: str, directory: str = "", *, of_ca: bool = False
) -> Exchange[list[Crl]]:
    """The CRLs at a URL, or at a name in a directory: one, or several of an entry of a directory.

    ``directory`` is whom to ask where the place names no server, and ``of_ca`` whether a CA's certificate is
    looked for: see ``search_crls``.  ExchangeFailed says why there is none.
    """
    try:
        scheme = _scheme(place)
    except ValueError as error:
        raise ExchangeFailed(_WRONG_URL, NOT_SENT) from error
    if scheme == "http":
        limits = replace(getter.limits, body=LARGEST_CRL)
        request = HttpRequest("GET", place, getter.wire.http_version, proxy=getter.proxy, limits=limits)
        response = yield from fetch(request)
        return (yield from _read([response.body]))
    if scheme == "ldap":
        limits = replace(getter.limits, body=LARGEST_ENTRY)
        found = yield from search_crls(place, directory, of_ca=of_ca, limits=limits)
        return (yield from _read(found))
    # No TLS: to check that server's certificate would take CRLs first (RFC 5280 section 8).
    raise ExchangeFailed("CRLs are fetched by http and by ldap only", NOT_SENT)


def names_no_server(place: str) -> bool:
    """Whether a place is in a directory which somebody else has to name; False where it cannot be read."""
    try:
        return _scheme(place) == "ldap" and not read_place(place).host
    except ValueError:
        return False


def _scheme(place: str) -> str:
    """A URL's scheme, a bare name's too: that is looked up in a directory."""
    scheme = urlsplit(place).scheme
    return "ldap" if not scheme and "=" in place else scheme


def _read(values: Sequence[bytes]) -> Exchange[list[Crl]]:
    """CRLs in DER or in PEM, whatever the server calls them; what else is among them is passed over."""
    found = yield from _apart(sum(map(len, values)), lambda: [_read_now(each) for each in values])
    crls = [each for each in found if isinstance(each, Crl)]
    if not crls:
        raise ExchangeFailed("what came is not a CRL", NOT_BELIEVED)
    return crls


def _apart(size: int, do: Callable[[], T]) -> Exchange[T]:
    """Do what depends on so many octets, and has others wait when they are many; see ``Work``."""
    if size <= _LONG_TO_READ:
        return do()
    done: T = yield Work(do)
    return done


def _read_now(data: bytes) -> Crl | ValueError:
    head, foot = _PEM
    try:
        if head in data:
            data = base64.b64decode(data.partition(head)[2].partition(foot)[0])
        return read_crl(data)
    except ValueError as error:
        return error


# ------------------------------------------------------------------------------------------- GetCRL


@dataclass(frozen=True)
class ScepAccess:
    """With what a trustpoint's CA can be asked: the router's certificate from it, and that one's key."""

    settings: TrustpointSettings
    state: TrustpointState
    own: Certificate
    key: KeyPair


def scep_accesses(
    settings: Mapping[str, TrustpointSettings], held: Mapping[str, TrustpointState], keys: KeyRing
) -> Iterator[ScepAccess]:
    """The trustpoints that GetCRL can be asked over: with a url, and a certificate whose key may sign."""
    for name, each in settings.items():
        state = held.get(name, TrustpointState())
        if each.terminal or not each.enrollment_url or state.ca is None:
            continue
        for purpose, own in state.own.items():
            key = keys.having(own.public_key_info)
            if purpose is not Purpose.ENCRYPTION and isinstance(key, KeyPair):
                yield ScepAccess(each, state, own, key)


def get_crl(getter: Getter, access: ScepAccess, certificate: Certificate) -> Exchange[list[Crl]]:
    """The CRL that would list a certificate, of the CA that issued it (RFC 8894 sections 3.3.4 and 4.6)."""
    settings, state = access.settings, access.state
    recipient = state.encryption
    if recipient is None:
        raise ExchangeFailed("the trustpoint has no CA certificate", NOT_SENT)
    try:
        base_url = getter.wire.base_url(settings.enrollment_url)
    except ValueError as error:
        raise ExchangeFailed(_WRONG_URL, NOT_SENT) from error
    # Not remembered as an enrolment does it: a CRL is asked for once in its life.
    capabilities = yield from get_capabilities(getter.wire, base_url, settings.name)
    algorithms = getter.wire.algorithms(capabilities)
    transaction_id = getter.random_bytes(_TRANSACTION_ID_LENGTH).hex().upper()
    sender_nonce = getter.random_bytes(NONCE_LENGTH)
    identity = Identity(access.own, access.key.key)
    try:
        sealed = seal_request(
            GetCrl(certificate.issuer, certificate.serial_number),
            transaction_id=transaction_id,
            sender_nonce=sender_nonce,
            signer=identity,
            recipient=recipient,
            algorithms=replace(algorithms, digest=settings.digest or algorithms.digest),
            random_bytes=getter.random_bytes,
        )
    except LocalError as error:
        raise ExchangeFailed(f"the request cannot be sealed: {error}", NOT_SENT) from error
    request = getter.wire.pki_operation(base_url, sealed, capabilities, transaction_id)
    limits = replace(getter.limits, body=LARGEST_CRL)
    response = yield from fetch(replace(request, limits=limits))

    def opened() -> ReplyMessage | Exception:
        try:
            return open_reply(
                response.body,
                transaction_id=transaction_id,
                sender_nonce=sender_nonce,
                identity=identity,
                trusted=state.trusted,
                policy=getter.wire.policy(settings.digest),
                random_bytes=getter.random_bytes,
            )
        except (NotAPkiMessage, PeerError, ValueError) as error:
            return error

    match (yield from _apart(len(response.body), opened)):
        case Success(crls=(first, *_)):
            return (yield from _read([first]))
        case Exception() as wrong:
            raise ExchangeFailed(str(wrong), NOT_BELIEVED) from wrong
        case Failure(fail_info, text):
            why = f"{fail_info.rfc_name}: {printable(text)}" if text else fail_info.rfc_name
            raise ExchangeFailed(why, NOT_BELIEVED)
    raise ExchangeFailed("the answer holds no CRL", NOT_BELIEVED)
