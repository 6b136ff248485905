"""What an enrolment sends: the request, the certificate that signs it, the messages around them.

The shape is that of a real IOS-XE enrolment (``scep.md`` section 3.2): the subject is what
``subject-name`` says, and then one RDN of what the device adds: serial number, IP address, and
unstructuredName=<fqdn>.  The self-signed certificate that signs the messages has another subject,
unstructuredName alone as a UTF8String, and no extensions.

Each key asks for its own certificate in its own transaction and signs it itself.  ``message-digest`` has no
default in Cisco's models: without it the request is signed with SHA-256 and the message with the best
digest that the CA offers; with it both are, whatever the CA offers [U].
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address

from router_emu import dates
from router_emu.pki.keys import KeyPair, Purpose
from router_emu.pki.readable import check_readable
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.pki.wire import (
    NOT_BELIEVED,
    NOT_SENT,
    Exchange,
    ExchangeFailed,
    WireProfile,
    fetch,
    get_capabilities,
)
from scep_core import certificates, csr, names
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate, build_certificate
from scep_core.cms import Identity
from scep_core.codec import open_reply, seal_request
from scep_core.errors import LocalError, NotAPkiMessage, PeerError
from scep_core.messages import CertPoll, PkcsReq, RenewalReq, ReplyMessage, RequestMessage, Success
from scep_core.values import NONCE_LENGTH, Capability, Digest

# Observed: a small serial number, and ten years whatever is asked for.  scep.md 3.2.
_TEMPORARY_SERIAL = 3
_TEMPORARY_LIFE = timedelta(days=3650)

# The keyUsage that a key asks for: the general-purpose one of scep.md 3.2, the others' by their names.
_USAGES = {
    Purpose.GENERAL: ("digital_signature", "key_encipherment"),
    Purpose.SIGNATURE: ("digital_signature",),
    Purpose.ENCRYPTION: ("key_encipherment",),
}
_NAME_LABELS = {"dns": "DNS", "email": "email", "ip": "IP", "uri": "URI"}


def slot_of(trustpoint: str, purpose: Purpose) -> str:
    """What a certificate of the router, and the enrolment for it, go by: no trustpoint's name has a space."""
    return trustpoint if purpose is Purpose.GENERAL else f"{trustpoint} {purpose}"


@dataclass(frozen=True)
class Application:
    """One application for one key's certificate, as it is repeated until it is over.

    ``request`` holds the challenge password, which must not rest on a disk: after a restart it is None unless
    it had none, and a request that had reached the CA is polled for by its ``subject``.  ``fingerprint`` is
    the request's MD5, which routers print.  ``base_url`` is empty when it goes by cut and paste.
    ``signer`` is the temporary certificate; at a renewal the one that is renewed, and then
    ``renewal_request`` says whether the message's type tells that.  ``to_next_ca`` is for one that the
    trustpoint's next CA is to issue.
    """

    base_url: str
    trustpoint: str
    purpose: Purpose
    transaction_id: str
    request: csr.Csr | None = field(repr=False)
    subject: bytes
    fingerprint: bytes
    signer: Certificate = field(repr=False)
    digest: Digest | None = None
    renews: bool = False
    renewal_request: bool = False
    to_next_ca: bool = False

    @property
    def slot(self) -> str:
        """See ``slot_of``."""
        return slot_of(self.trustpoint, self.purpose)

    @property
    def by_hand(self) -> bool:
        """Whether the request goes by cut and paste."""
        return not self.base_url


def make_application(
    settings: TrustpointSettings,
    key: KeyPair,
    *,
    base_url: str,
    challenge_password: str,
    now: datetime,
    renewed: Certificate | None = None,
    to_next_ca: bool = False,
) -> Application:
    """The request and the certificate that signs it; ValueError when a configured name is none."""
    digest = settings.digest or Digest.SHA256
    request = csr.build_csr(
        subject=subject(settings),
        key=key.key,
        challenge_password=challenge_password or None,
        extensions=[
            certificates.ext_subject_alt_name(alternative_names(settings)),
            certificates.ext_key_usage(*_USAGES[key.purpose], critical=False),
        ],
        digest=digest,
    )
    return Application(
        base_url=base_url,
        trustpoint=settings.name,
        purpose=key.purpose,
        transaction_id=csr.transaction_id(key.public_key_info),
        request=request,
        subject=request.subject,
        fingerprint=request.fingerprint(Digest.MD5),
        signer=renewed or _temporary(settings, key, digest, now),
        digest=settings.digest,
        renews=renewed is not None,
        renewal_request=renewed is not None and settings.renewal_request,
        to_next_ca=to_next_ca,
    )


def subject(settings: TrustpointSettings) -> bytes:
    """The DER of the subject asked for; ValueError when ``subject-name`` is none."""
    rdns = names.parse_text(settings.subject_name) if settings.subject_name else []
    device = [
        (names.SERIAL_NUMBER, settings.device_serial),
        (names.UNSTRUCTURED_ADDRESS, settings.ip_address),
        (names.UNSTRUCTURED_NAME, settings.fqdn),
    ]
    return names.build_name([*rdns, [(kind, text) for kind, text in device if text]])


def alternative_names(settings: TrustpointSettings) -> list[tuple[str, bytes]]:
    """The names of the SAN asked for: those configured, else the FQDN; ValueError says which is none.

    As Cisco's models show it: ``DNS:test.example.com,IP:192.168.1.1,email:info@example.com``.
    """
    found = []
    for part in (settings.alternative_names or f"DNS:{settings.fqdn}").split(","):
        kind, _, text = (piece.strip() for piece in part.partition(":"))
        label = _NAME_LABELS.get(kind.lower())
        if label is None or not text or not text.isascii():
            raise ValueError(f"not a subject alternative name: {part.strip()!r}")
        found.append((label, ip_address(text).packed if label == "IP" else text.encode()))
    return found


def _temporary(settings: TrustpointSettings, key: KeyPair, digest: Digest, now: datetime) -> Certificate:
    name = names.build_name([[(names.UNSTRUCTURED_NAME, settings.fqdn)]], string_type=0x0C)
    return build_certificate(
        serial_number=_TEMPORARY_SERIAL,
        issuer=name,
        subject=name,
        public_key_info=key.public_key_info,
        not_before=now,
        not_after=now + _TEMPORARY_LIFE,
        extensions=[],
        key=key.key,
        digest=digest,
    )


@dataclass(frozen=True)
class Client:
    """With what a message is sent; ``capabilities`` remembers each CA's, by its base URL."""

    wire: WireProfile
    state: TrustpointState
    capabilities: MutableMapping[str, frozenset[str]]
    random_bytes: RandomBytes


def send_request(client: Client, application: Application, key: KeyPair) -> Exchange[ReplyMessage]:
    """Ask for the certificate: PKCSReq, or RenewalReq where that is configured and the CA offers it."""
    if application.request is None:
        raise ExchangeFailed("the challenge password is not known any more", NOT_SENT)
    capabilities = yield from _capabilities(client, application)
    message: RequestMessage = PkcsReq(application.request)
    if application.renewal_request and Capability.RENEWAL.lower() in capabilities:
        message = RenewalReq(application.request)
    return (yield from _transact(client, message, application, key))


def send_poll(client: Client, application: Application, key: KeyPair) -> Exchange[ReplyMessage]:
    """Ask what became of it: CertPoll, in the request's own transaction."""
    issuer = client.state.ca.subject if client.state.ca else names.build_name([])
    return _transact(client, CertPoll(issuer, application.subject), application, key)


def _capabilities(client: Client, application: Application) -> Exchange[frozenset[str]]:
    known = client.capabilities.get(application.base_url)
    if known is None:
        known = yield from get_capabilities(client.wire, application.base_url, application.trustpoint)
        client.capabilities[application.base_url] = known
    return known


def _transact(
    client: Client, message: RequestMessage, application: Application, key: KeyPair
) -> Exchange[ReplyMessage]:
    wire, random_bytes = client.wire, client.random_bytes
    recipient = client.state.encryption
    if recipient is None:
        raise ExchangeFailed("the trustpoint has no CA certificate", NOT_SENT)
    capabilities = yield from _capabilities(client, application)
    algorithms = wire.algorithms(capabilities)
    sender_nonce = random_bytes(NONCE_LENGTH)
    identity = Identity(application.signer, key.key)
    try:
        sealed = seal_request(
            message,
            transaction_id=application.transaction_id,
            sender_nonce=sender_nonce,
            signer=identity,
            recipient=recipient,
            algorithms=replace(algorithms, digest=application.digest or algorithms.digest),
            random_bytes=random_bytes,
        )
    except LocalError as error:  # a certificate that was accepted, with a key that cannot receive
        raise ExchangeFailed(f"the request cannot be sealed: {error}", NOT_SENT) from error
    request = wire.pki_operation(application.base_url, sealed, capabilities, application.transaction_id)
    response = yield from fetch(request)
    try:
        reply = open_reply(
            response.body,
            transaction_id=application.transaction_id,
            sender_nonce=sender_nonce,
            identity=identity,
            trusted=client.state.trusted,
            policy=wire.policy(application.digest),
            random_bytes=random_bytes,
        )
        if isinstance(reply, Success) and own_certificate(reply.certificates, key) is None:
            raise ValueError("no certificate for our key in it")
    except (NotAPkiMessage, PeerError, ValueError) as error:
        raise ExchangeFailed(str(error), NOT_BELIEVED) from error
    return reply


def check_issued(certificate: Certificate, state: TrustpointState, at: datetime) -> None:
    """Whether a certificate that came, by CertRep or a paste, can serve ``at``; ValueError says why not."""
    if state.ca is None:
        raise ValueError("its CA is not authenticated")
    try:
        certificates.verify_issued_by(certificate, state.ca)
    except ValueError as error:
        raise ValueError(f"the CA has not issued it: {error}") from error
    check_readable(certificate)
    if not certificate.not_before <= at <= certificate.not_after:
        life = f"from {dates.long(certificate.not_before)} to {dates.long(certificate.not_after)}"
        raise ValueError(f"it is valid {life}, not at {dates.long(at)}")


def own_certificate(issued: Sequence[Certificate], key: KeyPair) -> Certificate | None:
    """The certificate for our key among what the CA sent."""
    return next((each for each in issued if each.public_key_info == key.public_key_info), None)
