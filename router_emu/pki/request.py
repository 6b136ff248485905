"""What an enrolment sends: the request, the certificate that signs it, the messages around them.

The shape is that of a real IOS-XE enrolment (``scep.md`` section 3.2): the subject is what
``subject-name`` says and then unstructuredName=<fqdn>; the self-signed certificate that signs the
messages has another subject, unstructuredName alone as a UTF8String, and no extensions.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router_emu.pki.keys import KeyPair
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import (
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
from scep_core.messages import CertPoll, PkcsReq, ReplyMessage, RequestMessage, Success
from scep_core.values import NONCE_LENGTH, Digest

# Observed: a small serial number, and ten years whatever is asked for.  scep.md 3.2.
_TEMPORARY_SERIAL = 3
_TEMPORARY_LIFE = timedelta(days=3650)


@dataclass(frozen=True)
class Application:
    """One application for one key's certificate, as it is repeated until it is over.

    It holds the challenge password inside the request, so it belongs in private state only.
    """

    base_url: str
    trustpoint: str
    transaction_id: str
    request: csr.Csr = field(repr=False)
    temporary: Certificate = field(repr=False)


def make_application(
    *,
    base_url: str,
    trustpoint: str,
    key: KeyPair,
    fqdn: str,
    subject_name: str,
    challenge_password: str,
    now: datetime,
) -> Application:
    """The request and its temporary certificate; ValueError when ``subject_name`` is no name.

    The configured attributes come first; unstructuredName makes the last RDN.  The SAN and keyUsage
    that a general-purpose key gets are asked for as extensions.
    """
    rdns = names.parse_text(subject_name) if subject_name else []
    subject = names.build_name([*rdns, [(names.UNSTRUCTURED_NAME, fqdn)]])
    temporary_name = names.build_name([[(names.UNSTRUCTURED_NAME, fqdn)]], string_type=0x0C)
    request = csr.build_csr(
        subject=subject,
        key=key.key,
        challenge_password=challenge_password or None,
        extensions=[
            certificates.ext_subject_alt_name([("DNS", fqdn.encode("ascii"))]),
            certificates.ext_key_usage("digital_signature", "key_encipherment", critical=False),
        ],
        digest=Digest.SHA256,
    )
    temporary = build_certificate(
        serial_number=_TEMPORARY_SERIAL,
        issuer=temporary_name,
        subject=temporary_name,
        public_key_info=key.public_key_info,
        not_before=now,
        not_after=now + _TEMPORARY_LIFE,
        extensions=[],
        key=key.key,
        digest=Digest.SHA256,
    )
    return Application(base_url, trustpoint, csr.transaction_id(key.public_key_info), request, temporary)


@dataclass(frozen=True)
class Client:
    """With what a message is sent; ``capabilities`` remembers each CA's, by its base URL."""

    wire: WireProfile
    state: TrustpointState
    capabilities: MutableMapping[str, frozenset[str]]
    random_bytes: RandomBytes


def send_request(client: Client, application: Application, key: KeyPair) -> Exchange[ReplyMessage]:
    """Ask for the certificate: PKCSReq."""
    return _transact(client, PkcsReq(application.request), application, key)


def send_poll(client: Client, application: Application, key: KeyPair) -> Exchange[ReplyMessage]:
    """Ask what became of it: CertPoll, in the request's own transaction."""
    issuer = client.state.ca.subject if client.state.ca else names.build_name([])
    return _transact(client, CertPoll(issuer, application.request.subject), application, key)


def _transact(
    client: Client, message: RequestMessage, application: Application, key: KeyPair
) -> Exchange[ReplyMessage]:
    wire, base_url, random_bytes = client.wire, application.base_url, client.random_bytes
    recipient = client.state.encryption
    if recipient is None:
        raise ExchangeFailed("the trustpoint has no CA certificate")
    capabilities = client.capabilities.get(base_url)
    if capabilities is None:
        capabilities = yield from get_capabilities(wire, base_url, application.trustpoint)
        client.capabilities[base_url] = capabilities
    sender_nonce = random_bytes(NONCE_LENGTH)
    identity = Identity(application.temporary, key.key)
    try:
        sealed = seal_request(
            message,
            transaction_id=application.transaction_id,
            sender_nonce=sender_nonce,
            signer=identity,
            recipient=recipient,
            algorithms=wire.algorithms(capabilities),
            random_bytes=random_bytes,
        )
    except LocalError as error:  # a certificate that was accepted, with a key that cannot receive
        raise ExchangeFailed(f"the request cannot be sealed: {error}") from error
    response = yield from fetch(wire.pki_operation(base_url, sealed, capabilities))
    try:
        reply = open_reply(
            response.body,
            transaction_id=application.transaction_id,
            sender_nonce=sender_nonce,
            identity=identity,
            trusted=client.state.trusted,
            random_bytes=random_bytes,
        )
        if isinstance(reply, Success):
            _check_issued(reply.certificates, key, client.state)
    except (NotAPkiMessage, PeerError, ValueError) as error:
        raise ExchangeFailed(f"the answer cannot be believed: {error}") from error
    return reply


def _check_issued(issued: Sequence[Certificate], key: KeyPair, state: TrustpointState) -> None:
    certificate = own_certificate(issued, key)
    if certificate is None:
        raise ValueError("no certificate for our key in it")
    if state.ca is None:
        raise ValueError("the trustpoint has no CA certificate")
    certificates.verify_issued_by(certificate, state.ca)


def own_certificate(issued: Sequence[Certificate], key: KeyPair) -> Certificate | None:
    """The certificate for our key among what the CA sent."""
    return next((each for each in issued if each.public_key_info == key.public_key_info), None)
