"""Where a SCEP message meets the queue: bytes in, one CertRep out, whatever came in.

The refusals are those of ``scep.md`` section 1.4.  Only what has no transaction to answer in raises
(NotAPkiMessage); for everything else the client gets a CertRep.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ca_server.domain.approval import Issuer, refuse
from ca_server.domain.authority import Authority, AuthorityExpired
from ca_server.domain.ledger import Store, StoreBusy, Transaction
from ca_server.domain.policy import Issue, Policy, Refuse, decide
from ca_server.domain.profiles import Profile
from ca_server.domain.requests import (
    CertificateRequest,
    Event,
    State,
    Submission,
    asks_again,
    next_state,
    repeated,
    same_key,
    take_in,
)
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate, read_certificate
from scep_core.codec import Request, open_request, seal_reply
from scep_core.csr import Csr
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.messages import (
    CertPoll,
    Failure,
    GetCert,
    GetCrl,
    Pending,
    PkcsReq,
    RenewalReq,
    ReplyMessage,
    Success,
)
from scep_core.pkimessage import RequestHead, SignedMessage, parse_message
from scep_core.values import FailInfo

POLICY = "policy"  # who has decided when nobody was asked
REPLACED = "replaced by a request for something else with the same key"


@dataclass(frozen=True)
class Exchange:
    """What a request's handling needs besides the message."""

    profile: Profile
    source: str
    now: datetime


@dataclass(frozen=True)
class Answer:
    """The CertRep's bytes, and what to log: ``unexpected`` is a bug of ours that was met on the way."""

    body: bytes
    transaction_id: str
    message_type: int | None
    reply: ReplyMessage
    unexpected: Exception | None = None


class ScepService:
    """The CA's side of every PKIOperation."""

    def __init__(
        self,
        *,
        authority: Authority,
        store: Store,
        policy: Policy,
        issuer: Issuer,
        random_bytes: RandomBytes,
    ) -> None:
        self._authority = authority
        self._store = store
        self._policy = policy
        self._random_bytes = random_bytes
        self._issuer = issuer

    def handle(self, data: bytes, profile: Profile, source: str, now: datetime) -> Answer:
        """Answer one pkiMessage; NotAPkiMessage when there is nothing that could be answered.

        StoreBusy when it could not be kept: the client should send it again.
        """
        message, head = _parse(data)
        exchange = Exchange(profile, source, now)
        unexpected: Exception | None = None
        reply: ReplyMessage
        try:
            request = open_request(
                message, self._authority.identities, profile.algorithms, random_bytes=self._random_bytes
            )
            head = request.head
            reply = self._reply(request, exchange)
            body = self._seal(reply, head, profile)
        except PeerError as error:
            reply = Failure(error.fail_info, str(error), profile.hresult)
            body = self._seal(reply, head, profile)
        except StoreBusy:
            raise  # a FAILURE would be final; this is not
        except Exception as error:
            # Whatever a client has sent, it gets a SCEP answer; the traceback is for the log.
            unexpected = error
            reply = Failure(FailInfo.BAD_REQUEST, "the CA could not handle this message", profile.hresult)
            body = self._seal(reply, head, profile)
        return Answer(body, head.transaction_id, message.message_type, reply, unexpected)

    def _seal(self, reply: ReplyMessage, head: RequestHead, profile: Profile) -> bytes:
        return seal_reply(
            reply,
            head=head,
            signer=self._authority.reply_signer(ra_mode=profile.ra_mode),
            shape=profile.shape,
            random_bytes=self._random_bytes,
        )

    def _reply(self, request: Request, exchange: Exchange) -> ReplyMessage:
        match request.message:
            case PkcsReq(csr):
                return self._pkcs_req(csr, request, exchange)
            case RenewalReq():
                raise PeerError(FailInfo.BAD_REQUEST, "renewal is not supported yet")
            case CertPoll():
                return self._cert_poll(request, exchange)
            case GetCert(issuer, serial_number):
                return self._get_cert(issuer, serial_number)
            case GetCrl(issuer):
                return self._get_crl(issuer, exchange)

    # -------------------------------------------------------------------------------- enrolment

    def _pkcs_req(self, csr: Csr, request: Request, exchange: Exchange) -> ReplyMessage:
        submission = Submission(
            csr=csr,
            signer=request.signer,
            signer_kind=self._signer_kind(request.signer),
            transaction_id=request.head.transaction_id,
            sender_nonce=request.head.sender_nonce or b"",
            message_type=request.message.message_type,
            profile=exchange.profile.name,
            source=exchange.source,
        )
        decision = decide(submission, self._policy)
        if isinstance(decision, Refuse):
            raise PeerError(decision.fail_info, decision.text)
        with self._store.write() as ledger:
            known = ledger.latest_request(submission.transaction_id)
            if known is not None:
                if not same_key(known.public_key_info, csr.public_key_info):
                    raise PeerError(FailInfo.BAD_REQUEST, "transaction ID in use with another key")
                issued = _issued(ledger, known)
                if asks_again(known, issued, submission, exchange.now):
                    if known.state is State.PENDING:
                        known = repeated(known, submission, exchange.now)
                    return _standing(ledger, known, issued, exchange)
                if known.state is State.PENDING:
                    refuse(ledger, known, REPLACED, by=POLICY, now=exchange.now)
            event = Event.GRANT if isinstance(decision, Issue) else Event.QUEUE
            taken = ledger.add_request(take_in(submission, event, exchange.now))
            if taken.state is State.PENDING:
                return Pending()
            try:
                _, certificate = self._issuer.issue(ledger, taken, by=POLICY, now=exchange.now)
            except AuthorityExpired as error:  # undoes the transaction: nothing is remembered of it
                raise PeerError(FailInfo.BAD_REQUEST, str(error)) from error
            return Success((certificate,))

    def _signer_kind(self, signer: Certificate) -> str:
        if signer.is_self_issued:
            return "self-signed"
        if self._authority.has_issued(signer):
            return "issued by this CA"
        return "issued by another CA (not verified)"

    def _cert_poll(self, request: Request, exchange: Exchange) -> ReplyMessage:
        # By transaction, and by the key that signed its request, so that nobody polls for another.
        # The names in the message are not compared: see same_key.
        with self._store.write() as ledger:
            known = ledger.latest_request(request.head.transaction_id)
            if known is None or not same_key(known.signer_key, request.signer.public_key_info):
                raise PeerError(FailInfo.BAD_CERT_ID, "no such transaction")
            return _standing(ledger, known, _issued(ledger, known), exchange)

    # ---------------------------------------------------------------------------------- queries

    def _get_cert(self, issuer: bytes, serial_number: int) -> ReplyMessage:
        if self._authority.is_issuer(issuer):
            for own in self._authority.certificates(ra_mode=True):
                if own.serial_number == serial_number:
                    return Success((own,))
            issued = self._store.certificate(serial_number)
            if issued is not None:
                return Success((read_certificate(issued.der),))
        raise PeerError(FailInfo.BAD_CERT_ID, "no such certificate")

    def _get_crl(self, issuer: bytes, exchange: Exchange) -> ReplyMessage:
        # The issuer alone counts: sscep asks with the CA's own serial number (scep.md 6.2).
        if not self._authority.is_issuer(issuer):
            raise PeerError(exchange.profile.unknown_crl_issuer, "no CRL of this issuer")
        return Success(crls=(self._authority.crl(exchange.now),))


def _parse(data: bytes) -> tuple[SignedMessage, RequestHead]:
    try:
        message = parse_message(data)
        return message, message.head
    except NotAPkiMessage:
        raise
    except Exception as error:  # what nobody thought of is garbage too, and no fault of ours
        raise NotAPkiMessage("not a SCEP message") from error


def _issued(ledger: Transaction, request: CertificateRequest) -> Certificate | None:
    issued = None if request.serial_number is None else ledger.certificate(request.serial_number)
    return None if issued is None else read_certificate(issued.der)


def _standing(
    ledger: Transaction, request: CertificateRequest, issued: Certificate | None, exchange: Exchange
) -> ReplyMessage:
    """What a client that asks again is told, and the poll counted while a person has yet to decide."""
    match next_state(request.state, Event.POLL):
        case State.PENDING:
            polled = replace(request, polls=request.polls + 1, last_poll_at=exchange.now)
            ledger.update_request(polled)
            return Pending()
        case State.DENIED:
            text = request.reason or "denied by the operator"
            return Failure(FailInfo.BAD_REQUEST, text, exchange.profile.hresult)
        case State.ISSUED:
            if issued is None:
                raise LookupError(f"the certificate of request {request.id} is missing")
            return Success((issued,))
