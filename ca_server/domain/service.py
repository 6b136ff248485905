"""Where a SCEP message meets the CA: bytes in, one CertRep out, whatever came in.

The refusals are those of ``scep.md`` section 1.4.  Only what has no transaction to answer in raises
(NotAPkiMessage); for everything else the client gets a CertRep.
"""

from __future__ import annotations

from dataclasses import dataclass

from ca_server.domain.authority import Authorities, Authority, Succession
from ca_server.domain.crl_desk import CrlDesk, NoSuchCrl
from ca_server.domain.enrolment import Enrolment, Exchange
from ca_server.domain.ledger import Store, StoreBusy
from ca_server.domain.profiles import Profile
from ca_server.domain.spoiling import NO_FAULTS, Faults, Sealing, after_sealing, before_sealing
from scep_core.algorithms import RandomBytes
from scep_core.certificates import read_certificate
from scep_core.codec import Request, open_request, seal_reply
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.messages import (
    CertPoll,
    Failure,
    GetCert,
    GetCrl,
    PkcsReq,
    RenewalReq,
    ReplyMessage,
    Success,
)
from scep_core.pkimessage import RequestHead, SignedMessage, parse_message
from scep_core.values import FailInfo


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
        authorities: Authorities,
        store: Store,
        enrolment: Enrolment,
        crls: CrlDesk,
        random_bytes: RandomBytes,
    ) -> None:
        self._authorities = authorities
        self._store = store
        self._enrolment = enrolment
        self._crls = crls
        self._random_bytes = random_bytes

    def handle(self, data: bytes, exchange: Exchange, faults: Faults | None = None) -> Answer:
        """Answer one pkiMessage; NotAPkiMessage when there is nothing that could be answered.

        StoreBusy when it could not be kept: the client should send it again.
        """
        profile, faults = exchange.profile, faults or NO_FAULTS
        message, head = _parse(data, profile)
        succession = self._authorities()
        authority = succession.current(exchange.now)
        unexpected: Exception | None = None
        reply: ReplyMessage
        try:
            try:
                request = open_request(
                    message, succession.recipients, profile.algorithms, random_bytes=self._random_bytes
                )
                head, authority = request.head, succession.answering(request.recipient)
                _check_time(message, exchange)
                refusal = faults.refusal()
                if refusal is not None:
                    raise PeerError(refusal, "a fault of this lab")
                reply = self._reply(request, succession, exchange)
            except PeerError as error:
                reply = Failure(error.fail_info, str(error), profile.hresult)
            how = faults.spoils(reply, message.message_type)
            body, reply = self._seal(reply, head, authority, profile, how)
        except StoreBusy:
            raise  # a FAILURE would be final; this is not
        except Exception as error:
            # Whatever a client has sent, it gets a SCEP answer; the traceback is for the log.
            unexpected = error
            reply = Failure(FailInfo.BAD_REQUEST, "the CA could not handle this message", profile.hresult)
            body, reply = self._seal(reply, head, authority, profile)
        return Answer(body, head.transaction_id, message.message_type, reply, unexpected)

    def _seal(
        self, reply: ReplyMessage, head: RequestHead, authority: Authority, profile: Profile, spoilt: str = ""
    ) -> tuple[bytes, ReplyMessage]:
        """The CertRep, and what it says; ``spoilt`` is what is wrong with it."""
        sealing = Sealing(reply, head, authority.reply_signer(ra_mode=profile.ra_mode))
        sealing = before_sealing(spoilt, sealing, authority)
        body = seal_reply(
            sealing.reply,
            head=sealing.head,
            signer=sealing.signer,
            shape=profile.shape,
            random_bytes=self._random_bytes,
        )
        return after_sealing(spoilt, body), sealing.reply

    def _reply(self, request: Request, succession: Succession, exchange: Exchange) -> ReplyMessage:
        match request.message:
            case PkcsReq(csr) | RenewalReq(csr):
                return self._enrolment.request(csr, request, succession, exchange)
            case CertPoll():
                return self._enrolment.poll(request, exchange)
            case GetCert(issuer, serial_number):
                return self._get_cert(issuer, serial_number, succession)
            case GetCrl(issuer):
                return self._get_crl(issuer, succession, exchange)

    def _get_cert(self, issuer: bytes, serial_number: int, succession: Succession) -> ReplyMessage:
        ca = succession.ca_named(issuer)
        if ca is not None:
            for authority in succession.authorities:
                for own in authority.certificates(ra_mode=True):
                    if own.issuer == ca.certificate.subject and own.serial_number == serial_number:
                        return Success((own,))
            issued = self._store.certificate(serial_number)
            if issued is not None and issued.issuer == ca.name:
                return Success((read_certificate(issued.der),))
        raise PeerError(FailInfo.BAD_CERT_ID, "no such certificate")

    def _get_crl(self, issuer: bytes, succession: Succession, exchange: Exchange) -> ReplyMessage:
        # The issuer alone counts: sscep asks with the CA's own serial number (scep.md 6.2).
        ca = succession.ca_named(issuer)
        if ca is None:
            raise PeerError(exchange.profile.unknown_crl_issuer, "no CRL of this issuer")
        try:
            return Success(crls=(self._crls.crl(ca.name, exchange.now),))
        except NoSuchCrl as error:
            raise PeerError(FailInfo.BAD_CERT_ID, str(error)) from error


def _check_time(message: SignedMessage, exchange: Exchange) -> None:
    # By the world's time: the client's clock is no part of the lab.
    skew, signed_at = exchange.profile.policy.clock_skew, message.signing_time
    if skew is not None and signed_at is not None and abs(signed_at - exchange.wall) > skew:
        raise PeerError(FailInfo.BAD_TIME, "signingTime is too far from the CA's time")


def _parse(data: bytes, profile: Profile) -> tuple[SignedMessage, RequestHead]:
    try:
        message = parse_message(data)
        return message, message.head(profile.algorithms)
    except NotAPkiMessage:
        raise
    except Exception as error:  # what nobody thought of is garbage too, and no fault of ours
        raise NotAPkiMessage("not a SCEP message") from error
